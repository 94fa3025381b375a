"""Checks data against JSON Schemas and says where a mistake stands.

Values files, ``gaie.yaml``, rendered objects. The only importer of jsonschema_rs. May import
``documents``, ``assets``, ``errors`` and the positioned reader ``epp.reading``.
"""
