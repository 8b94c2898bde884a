"""What the suite of efd-token needs beyond the rest: InfluxDB, the clients that people use, and the service itself."""
