"""Everything stands in pyproject.toml. scrapyd-deploy builds its egg with this file, and would write one of its own."""

from setuptools import setup

setup()
