"""What holds for every test."""

from __future__ import annotations

import torch

# The tensors are small: threads that wait for one another, and for other processes, cost more than they save.
torch.set_num_threads(1)
