"""What every end-to-end suite needs: peers that are started and stopped, and proof of what passed between them."""
