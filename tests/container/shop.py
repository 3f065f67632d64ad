"""A small shop whose annotations are strings, as most modules have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from pyfly.container import Qualifier, bean, component, configuration, primary, service

if TYPE_CHECKING:
    from decimal import Decimal


class InventoryClient:
    """Not decorated: registered by hand."""


@service
class PriceService:
    """Needs nothing."""


@service
class CatalogService:
    def __init__(self, inventory: InventoryClient, prices: PriceService | None = None) -> None:
        self.inventory = inventory
        self.prices = prices


@service
class ShopFront:
    def __init__(self, catalog: CatalogService) -> None:
        self.catalog = catalog


class Repo(Protocol):
    def find(self) -> str: ...


@component
class SqlRepo:
    def find(self) -> str:
        return "sql"


@component
class MemoryRepo(Repo):
    def find(self) -> str:
        return "memory"


@component
class FileRepo(Repo):
    def find(self) -> str:
        return "file"


@component
class NeedsRepo:
    def __init__(self, repo: Repo) -> None:
        self.repo = repo


@component
class NamesRepo:
    def __init__(self, repo: Annotated[Repo, Qualifier("fileRepo")]) -> None:
        self.repo = repo


@component
class MisnamesRepo:
    def __init__(self, repo: Annotated[Repo, Qualifier("fielRepo")]) -> None:
        self.repo = repo


@component
class Hen:
    def __init__(self, egg: Egg) -> None:
        self.egg = egg


@component
class Egg:
    def __init__(self, hen: Hen) -> None:
        self.hen = hen


@component
class Farm:
    def __init__(self, hen: Hen) -> None:
        self.hen = hen


class Hidden:
    def __init__(self, amount: Decimal) -> None:
        self.amount = amount


@component
@dataclass
class Checkout:
    catalog: CatalogService
    currency: str = "EUR"


class Engine:
    def __init__(self, url: str) -> None:
        self.url = url


@configuration
class ShopConfiguration:
    @bean
    def engine(self, prices: PriceService) -> Engine:
        return Engine("main")

    @primary
    @bean(name="replica")
    def second(self) -> Engine:
        return Engine("replica")
