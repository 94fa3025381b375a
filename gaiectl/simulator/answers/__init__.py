"""The APIs: each module reads one kind of request and writes its answers, whole and streamed.

``request`` is what all of them turn a body into, ``plan`` decides the answer, ``dialect`` is what
each module offers the server. Nothing here knows of HTTP connections or of time.
"""
