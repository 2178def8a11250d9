// Package e2e tests whole user stories with real parts: the plugin
// as it is built for users, the docker CLI, ssh, TLS, and hosts with engines of
// four generations. It has tests alone, and they need what testbed.Need says.
package e2e
