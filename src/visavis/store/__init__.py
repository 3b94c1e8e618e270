"""What outlives a restart: the database (agents, sessions), the files (portraits, avatars) and the keys."""

from visavis.store.agents import Agent, AgentStore
from visavis.store.blobs import Blobs, FolderBlobs
from visavis.store.database import Database, open_database
from visavis.store.instances import Instance, InstanceStore
from visavis.store.keys import Keys, load_or_create_keys
from visavis.store.sessions import Session, SessionStore

__all__ = [
    "Agent",
    "AgentStore",
    "Blobs",
    "Database",
    "FolderBlobs",
    "Instance",
    "InstanceStore",
    "Keys",
    "Session",
    "SessionStore",
    "load_or_create_keys",
    "open_database",
]
