package commands

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/spf13/pflag"
)

// valuesGiven refuses a flag that a script gave an empty variable: to leave it
// out silently would audit something else.
func valuesGiven(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if v := f.Value.String(); v == "" || f.Name == "size" && v == "0" {
			err = fmt.Errorf("--%s %q: give a value, or omit the flag", f.Name, v)
		}
	})
	return err
}

func (o auditOptions) validate() error {
	switch {
	case len(o.images) == 0 && o.imagesFrom == "" && !o.all && o.explain == "":
		return usage("docker: 'docker userns audit-image' requires at least 1 argument", "",
			"Usage:  docker userns audit-image [OPTIONS] IMAGE [IMAGE...]", "", "Run 'docker userns audit-image --help' for more information")
	case (len(o.images) > 0 || o.imagesFrom != "") && o.all:
		return errors.New("--all and IMAGE are mutually exclusive")
	case !slices.Contains(failOns, o.failOn):
		return fmt.Errorf("--fail-on %q: give error, warning or never", o.failOn)
	case o.explain == onStdin && (slices.Contains(o.images, onStdin) || o.imagesFrom == onStdin):
		return errors.New("- (standard input) can be read once only: it is given for --explain and IMAGE")
	case o.dockerfile == "" && o.format == render.FormatPatch:
		return errors.New("--format patch: give the Dockerfile to change, as in --dockerfile Dockerfile")
	}
	return cmp.Or(o.validRewrite(), validFormat(o.format), validPlatform(o.platform), validVersion(o.engineVersion))
}

func validVersion(version string) error {
	if _, ok := dockerd.ParseVersion(version); !ok && version != "" {
		return fmt.Errorf("--engine-version %q: give the version of a Docker Engine, such as 20.10 or 28.5.2", version)
	}
	return nil
}

// validFormat refuses a word that is no format: as a template it would print itself.
func validFormat(format string) error {
	if slices.Contains([]string{"", formatter.TableFormatKey, formatter.JSONFormatKey, render.FormatSARIF, render.FormatGitHub, render.FormatPatch}, format) || strings.Contains(format, "{{") {
		return nil
	}
	return fmt.Errorf("--format %q: give table, json, sarif, github, patch or a Go template", format)
}

func validPlatform(platform string) error {
	if platform == "" || platform == "all" {
		return nil
	}
	if _, err := platforms.Parse(platform); err != nil {
		return fmt.Errorf("--platform %q: write OS/ARCH or OS/ARCH/VARIANT, as in linux/arm64, or all", platform)
	}
	return nil
}
