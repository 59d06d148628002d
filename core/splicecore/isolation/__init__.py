"""Base models that run in an interpreter of their own, behind the protocol of those that run in this one."""

__all__: list[str] = []
