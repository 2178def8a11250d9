package host

import (
	"context"
	"os"
)

// this is this machine, with as many rights as can be had.
func this(ctx context.Context, ask Ask) Host {
	if os.Geteuid() == 0 {
		return Local()
	}
	sudo := Sudo(ask)
	why := sudo.Root(ctx)
	if why == nil {
		return sudo
	}
	sudo.Close()
	return local{why}
}
