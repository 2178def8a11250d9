package commands

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/docker/docker/client"
	"github.com/spf13/pflag"
)

// dockerWords are the words with which docker reaches the engine that it was
// called for now, also from a shell that has another DOCKER_HOST, DOCKER_CONTEXT
// or current context. Every command that is printed begins with them.
func dockerWords(dockerCLI command.Cli, endpoint string) []string {
	w := wordsOf{
		context:  dockerCLI.CurrentContext(),
		endpoint: endpoint,
		stored:   dockerCLI.ConfigFile().CurrentContext,
		getenv:   os.Getenv,
		exists: func(path string) bool {
			_, err := os.Stat(path)
			return err == nil
		},
	}
	return w.words(os.Args[1:])
}

// wordsOf is what the words are made of.
type wordsOf struct {
	context, endpoint string
	stored            string // the current context of docker's configuration file
	getenv            func(string) string
	exists            func(path string) bool
}

// dockerFlags are docker's own flags, which come before the name of the plugin.
func dockerFlags() (*pflag.FlagSet, *cliflags.ClientOptions) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	options := cliflags.NewClientOptions()
	options.InstallFlags(flags)
	return flags, options
}

// withGiven appends those of some flags that were given.
func withGiven(words []string, flags *pflag.FlagSet, names ...string) []string {
	flags.Visit(func(f *pflag.Flag) {
		if slices.Contains(names, f.Name) {
			words = append(words, "--"+f.Name+"="+f.Value.String())
		}
	})
	return words
}

// tlsFlags are the flags of docker about TLS.
var tlsFlags = []string{"tls", "tlscacert", "tlscert", "tlskey", cliflags.FlagTLSVerify}

// words takes the arguments that docker was called with.
func (w wordsOf) words(args []string) []string {
	flags, _ := dockerFlags()
	_ = flags.Parse(args) // docker has taken them already
	words := withGiven([]string{"docker"}, flags, "config")
	switch {
	case w.context != command.DefaultContextName:
		return append(words, "--context", w.context)
	case w.endpoint != client.DefaultDockerHost || w.getenv(client.EnvOverrideHost) != "":
		words = append(words, "--host", w.endpoint)
		if tls := withGiven(nil, flags, tlsFlags...); len(tls) > 0 {
			return append(words, tls...)
		}
		return append(words, w.tls()...)
	case w.stored != "" && w.stored != w.context, w.getenv(command.EnvOverrideContext) != "", flags.Changed("context"), flags.Changed("host"):
		return append(words, "--context", w.context)
	}
	return words
}

// tls says by flags what the environment says of TLS.
func (w wordsOf) tls() (words []string) {
	switch {
	case strings.HasPrefix(w.endpoint, "unix://") || strings.HasPrefix(w.endpoint, "ssh://"):
		return nil
	case w.getenv(client.EnvTLSVerify) != "":
		words = append(words, "--"+cliflags.FlagTLSVerify)
	case w.getenv(cliflags.EnvEnableTLS) != "":
		words = append(words, "--tls")
	default:
		return nil
	}
	dir := w.getenv(client.EnvOverrideCertPath)
	if dir == "" {
		return words
	}
	for _, f := range []struct{ flag, file string }{{"tlscacert", cliflags.DefaultCaFile}, {"tlscert", cliflags.DefaultCertFile}, {"tlskey", cliflags.DefaultKeyFile}} {
		if path := filepath.Join(dir, f.file); w.exists(path) {
			words = append(words, "--"+f.flag, path)
		}
	}
	return words
}

// dockerCommands writes commands of docker that go to the engine of the current
// context, which may not be there at all.
func dockerCommands(dockerCLI command.Cli) func(words ...string) string {
	e := &engine{}
	if ep, err := endpoint(dockerCLI); err == nil {
		e.words = dockerWords(dockerCLI, ep.Host)
	}
	return e.docker
}

// docker writes a command of docker that goes to the same engine.
func (e *engine) docker(words ...string) string {
	return render.Command(report.Docker(survey.Facts{Docker: e.words}, words...))
}
