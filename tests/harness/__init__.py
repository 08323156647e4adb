"""What every client test stands on: a server of its own, accounts, clients, and pages that run.

The product is reached only as its users reach it: the `strongroom` program and its ports.
"""

from .aws import Completed, aws
from .server import Account, Credentials, Server, User

__all__ = ["Account", "Completed", "Credentials", "Server", "User", "aws"]
