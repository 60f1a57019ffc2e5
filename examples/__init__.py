"""The experiments of the papers, run as `python -m examples.bistability.denoising`."""
