"""The Endpoint Picker (EPP): Envoy asks it which model server should serve a request."""
