"""Speed and memory of the recurrent layers beside their peers.

`KERAS_BACKEND=torch python -m benchmarks` runs the whole grid on one backend.
"""
