"""How much memory single tensors take."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Storages(TorchDispatchMode):
    """Collects the sizes, in bytes, of the memory of all tensors that operations return inside of it."""

    def __init__(self):
        super().__init__()
        self.sizes = set()

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        found = function(*arguments, **(options or {}))
        self.sizes |= {
            value.untyped_storage().nbytes() for value in tree_flatten(found)[0] if isinstance(value, torch.Tensor)
        }
        return found
