"""What `slipway init` needs: what a repository does today, and what Slipway's files for it would say."""
