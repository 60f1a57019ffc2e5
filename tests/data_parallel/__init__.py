"""Scripts that train every row of the layer table on one or two devices.

One per backend, run in a process of its own (devices are made before a backend
starts): `python -m tests.data_parallel.on_jax OUTPUT.npz DEVICES`.
"""
