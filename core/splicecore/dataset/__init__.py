"""Training datasets: labeled rows of genes with their features, built in batches, resumed, checked and merged.

Light: importing this imports neither Arrow nor NumPy. See :class:`splicecore.dataset.dataset.Dataset`.
"""
