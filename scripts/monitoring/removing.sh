#!/bin/sh
# What the packages do before they are removed, not when they are upgraded: deb calls
# with "upgrade", rpm with how many versions stay.
set -e
case ${1:-remove} in upgrade | failed-upgrade | 1) exit 0 ;; esac
if command -v systemctl >/dev/null; then
	systemctl disable docker-userns-verify.timer 2>/dev/null || true
fi
if [ -d /run/systemd/system ]; then
	systemctl stop docker-userns-verify.timer docker-userns-verify.service || true
fi
# Metrics that nothing renews would raise an alert for ever.
rm -f /var/lib/prometheus/node-exporter/docker-userns.prom
