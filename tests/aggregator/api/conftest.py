from tests.aggregator.faces import client, empty_town, town, url

__all__ = ["client", "empty_town", "town", "url"]
