"""``gaiectl local``: the gateway as processes of this machine. One file per verb."""
