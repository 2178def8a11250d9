#!/bin/sh
# What the packages do once their files are removed.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	systemctl reset-failed docker-userns-verify.service 2>/dev/null || true
fi
