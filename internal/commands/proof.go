package commands

import (
	"errors"
	"time"

	"github.com/docker-userns/docker-userns/internal/apps"
	"github.com/docker-userns/docker-userns/internal/proof"
	"github.com/spf13/pflag"
)

// proofOptions are what has to hold before a change stays.
type proofOptions struct {
	proof.Options
	healthURL  string
	healthExpr string
	socket     string
}

func (o *proofOptions) install(flags *pflag.FlagSet) {
	flags.DurationVar(&o.Stable, "stable", 10*time.Second, "Time for which the daemon must stay up without a restart")
	flags.DurationVar(&o.Soak, "soak", 0, "Time to keep checking for, and to undo the change if something fails")
	flags.StringVar(&o.healthURL, "health-url", "", "URL that must answer 2xx within a minute, and keep doing so")
	flags.StringVar(&o.healthExpr, "health-expr", "", "jq expression that must be true of the JSON that --health-url answers")
	flags.StringVar(&o.socket, "probe-socket", "", "Socket of the host that must accept connections: a path, or HOST:PORT")
	flags.DurationVar(&o.StartP95, "start-p95", 30*time.Second, "Limit for the 95th percentile of container starts while it soaks")
	flags.StringVar(&o.Image, "image", "", "Image with a shell to prove with (default: made of this program)")
}

// errUnproven: without a restart there is nothing to prove yet.
var errUnproven = errors.New("--no-restart leaves nothing to prove: omit --soak, --health-url, --probe-socket and --image, and run verify after the restart")

// wanted reports whether more is to be proven than always is.
func (o *proofOptions) wanted() bool {
	return o.Soak > 0 || o.healthURL != "" || o.socket != "" || o.Image != ""
}

func (o *proofOptions) validate() error {
	if o.Stable < 0 || o.Soak < 0 || o.StartP95 <= 0 {
		return errors.New("--stable and --soak cannot be negative, nor --start-p95 nothing")
	}
	if o.healthExpr != "" && o.healthURL == "" {
		return errors.New("--health-expr needs --health-url")
	}
	if o.healthURL != "" {
		h, err := apps.NewHealth(o.healthURL, o.healthExpr)
		if err != nil {
			return err
		}
		o.Health = &h
	}
	var err error
	if o.socket != "" {
		o.Socket, err = apps.ParseAddress(o.socket)
	}
	return err
}
