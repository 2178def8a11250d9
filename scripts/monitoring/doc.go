// Package monitoring has what the packages contain for keeping watch of a host: a
// systemd timer, alert rules for Prometheus and a dashboard for Grafana. Its tests hold
// the rules and the dashboard to the metrics that the program writes.
package monitoring
