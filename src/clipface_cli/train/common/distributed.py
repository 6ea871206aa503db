"""The processes of a run: one, or one for each of several devices, launched by lightning-fabric."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Literal

import torch
from torch import Tensor, nn

from clipface_cli.errors import InputError
from clipface_cli.launch import processes_per_node

Precision = Literal["auto", "32", "bf16", "64"]
_FABRIC_PRECISION = {"32": "32-true", "bf16": "bf16-mixed", "64": "64-true"}
_CONVOLUTION_DIMS = 4  # of convolution weights: out, in, height, width


class SingleProcess:
    """A run in one process. `rank` is this process's number among `world_size`."""

    rank, world_size = 0, 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and prints."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes; `values` has the same shape in each."""
        return values

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process."""
        return flag

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the processes."""

    def barrier(self) -> None:
        """Block until every process has called this."""


SINGLE_PROCESS = SingleProcess()


class Distributed(SingleProcess):
    """Data-parallel processes that lightning-fabric launches, or torchrun or SLURM has launched."""

    def __init__(
        self,
        device: str = "auto",
        devices: int | None = None,
        nodes: int | None = None,
        precision: Precision = "auto",
    ) -> None:
        """Start the other processes; `devices` and `nodes` are the launcher's where not given.

        Raises InputError when they contradict the launcher or the machine.
        """
        kind = device_kind(device)
        from lightning_fabric import Fabric

        here, machines = processes_per_node(os.environ)
        devices, nodes = devices or here, nodes or machines
        self.precision = _precision(kind, precision)
        many = devices * nodes > 1
        try:
            self.fabric = Fabric(
                accelerator=kind,
                devices=devices,
                num_nodes=nodes,
                strategy="ddp" if many else "auto",
                precision=_FABRIC_PRECISION[self.precision],  # type: ignore[arg-type]
            )
            self.fabric.launch()
        except (ValueError, RuntimeError, TypeError) as error:
            raise InputError(
                f"Cannot start {nodes} x {devices} processes: {error} "
                "Check --devices and --num-nodes against the machine and the launcher."
            ) from error
        self.rank, self.world_size = self.fabric.global_rank, self.fabric.world_size
        self.device: torch.device = self.fabric.device

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and losses."""
        return torch.float64 if self.precision == "64" else torch.float32

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which networks compute, in their precision."""
        return self.fabric.autocast()

    def move(self, module: nn.Module) -> None:
        """Move a module to this process's device, in the precision of weights and losses."""
        to_device(module.to(dtype=self.dtype), self.device)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes; `values` has the same shape in each."""
        if self.world_size == 1:
            return values
        mean = self.fabric.all_reduce(values.to(self.device, copy=True), reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean.to(values.device)

    def any(self, flag: bool) -> bool:
        if self.world_size == 1:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def barrier(self) -> None:
        self.fabric.barrier()

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the processes, in one all-reduce."""
        if self.world_size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        mean = self.mean(torch.cat([g.flatten() for g in gradients]))
        parts = mean.split([g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def to_device(module: nn.Module, device: torch.device) -> None:
    """Move a module; on a GPU convolution weights become channels-last, cuDNN's fastest layout."""
    module.to(device)
    for parameter in module.parameters():
        if parameter.ndim == _CONVOLUTION_DIMS and device.type == "cuda":
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def device_kind(device: str) -> Literal["cpu", "cuda"]:
    """Resolve "auto". Raises InputError for a GPU that is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no GPU here; leave --device out.")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _precision(kind: str, precision: Precision) -> Precision:
    """Resolve "auto": bf16 on a GPU or a CPU with AVX512-BF16, else float32."""
    if precision != "auto":
        return precision
    native = torch.cpu._is_avx512_bf16_supported() if kind == "cpu" else True
    return "bf16" if native else "32"
