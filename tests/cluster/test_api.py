"""Our adapter to Kubernetes, with a real API server at its other end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.failures import ApiError, Unreachable
from gaiectl.cluster.connection import Access, connect
