package commands

import (
	"bytes"
	"fmt"
	"time"

	"github.com/docker/cli/cli/streams"
	"github.com/spf13/pflag"

	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
)

// outputOptions say how check and verify print what they found, and where to.
type outputOptions struct {
	format   string
	verbose  bool
	file     string
	contexts []string
	timeout  time.Duration
}

func (o *outputOptions) install(flags *pflag.FlagSet, verbose, formats string) {
	flags.BoolVarP(&o.verbose, "verbose", "v", false, verbose)
	flags.StringVar(&o.format, "format", "", formats)
	flags.StringSliceVar(&o.contexts, "contexts", nil, `Look at the hosts of these contexts, 16 at a time: names, or patterns such as "prod-*"`)
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "With --contexts, time after which a host is given up")
	flags.StringVar(&o.file, "output", "", "Write to this file, whole or not at all, instead of standard output")
}

// print prints what a command found.
func (o outputOptions) print(out *streams.Out, command string, r report.Report, other func(*streams.Out) error) error {
	return o.writeTo(out, func(to *streams.Out) error {
		switch {
		case other != nil:
			return other(to)
		case o.format == render.FormatPrometheus:
			return render.Metrics(to, command, r, time.Now())
		}
		return render.Results(to, r, o.format, o.verbose)
	})
}

// writeTo has something written where it is wanted: to a file, or to out.
func (o outputOptions) writeTo(out *streams.Out, write func(*streams.Out) error) error {
	if o.file == "" {
		return write(out)
	}
	var text bytes.Buffer
	if err := write(streams.NewOut(&text)); err != nil {
		return err
	}
	if err := writeWhole(o.file, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("--output %s: %w", o.file, err)
	}
	return nil
}
