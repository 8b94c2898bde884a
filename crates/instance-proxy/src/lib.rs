//! People's own compute instances, over HTTP and WebSocket.
