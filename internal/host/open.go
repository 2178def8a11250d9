package host

import (
	"context"
	"fmt"
	"strings"
)

// Open gives the host that an endpoint leads to: another machine for ssh, this
// one for a unix socket, and [None] for anything else. That the daemon really
// runs there is not said: a socket can lead anywhere.
//
// This machine is looked at as root, through sudo if this process is not
// root, and if sudo refuses with the rights that this process has. ask lets
// sudo ask for a password; with nil it is not asked for.
func Open(ctx context.Context, endpoint string, ask Ask) (Host, error) {
	scheme, _, _ := strings.Cut(endpoint, "://")
	switch scheme {
	case "ssh":
		return SSH(endpoint)
	case "unix":
		return this(ctx, ask), nil
	}
	return None{fmt.Errorf("%w: %s gives access to the daemon only", ErrNone, endpoint)}, nil
}
