"""Checks what users write and what is rendered, and says where a mistake stands.

Values files, ``gaie.yaml``, objects, what objects say of each other, the EPP's configuration. The
only importer of jsonschema_rs. May import ``plan`` and what is below it, and of the EPP its
``epp.config`` and the positioned reader ``epp.reading``.
"""
