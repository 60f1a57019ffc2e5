"""What holds for every layer: tests over the table of layers.

Each module says which fault only it can find. What a class does is tested on its
first row; what a row's options change, on every row.
"""
