"""The papers' tables and figures from the examples, run by run.

python -m examples.reproduce --list
python -m examples.reproduce bistability/table-1 --seeds 3 --budget 40m
python -m examples.reproduce --report
"""
