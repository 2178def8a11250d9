package check

import (
	"slices"
	"strings"
)

// flags are the arguments of dockerd: those that it runs with, else those that
// its service would give it, as far as they stand in text.
func (in *Input) flags() []string {
	if in.Daemon.Err == nil && len(in.Daemon.Value.Args) > 0 {
		return in.Daemon.Value.Args[1:]
	}
	words := strings.Fields(in.Unit.Value.Start)
	for _, f := range in.Unit.Value.Files {
		for line := range strings.Lines(string(f.Data)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && slices.Contains([]string{"DOCKER_OPTS", "OPTIONS", "DOCKERD_OPTS"}, strings.TrimPrefix(name, "export ")) {
				words = append(words, strings.Fields(strings.Trim(value, `"'`))...)
			}
		}
	}
	return words
}

// flagsKnown says whether flags is all that dockerd is given.
func (in *Input) flagsKnown() bool {
	return in.Daemon.Err == nil && len(in.Daemon.Value.Args) > 0 || in.Unit.Err == nil && in.Unit.Value.Start != ""
}

var short = map[byte]string{'D': "debug", 'H': "host", 'l': "log-level", 's': "storage-driver", 'G': "group", 'b': "bridge", 'p': "pidfile", 'g': "graph"}

// flagNames are the long names of the flags that are given.
func flagNames(args []string) []string {
	var names []string
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if long, ok := strings.CutPrefix(arg, "--"); ok {
			name, _, _ := strings.Cut(long, "=")
			names = append(names, name)
		} else if len(arg) > 1 && arg[0] == '-' && short[arg[1]] != "" {
			names = append(names, short[arg[1]])
		}
	}
	return names
}

func flagValue(args []string, name string) (string, bool) {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value, true
		}
		if arg == "--"+name && i+1 < len(args) {
			return args[i+1], true
		}
	}
	return "", false
}

// keyOf is the key of daemon.json that a flag stands for: options that may be
// given several times are plural there (opts.NamedOption of dockerd).
// --add-runtime and runtimes may stand side by side.
func keyOf(flag string) string {
	switch flag {
	case "insecure-registry":
		return "insecure-registries"
	case "add-runtime":
		return ""
	case "storage-opt", "authorization-plugin", "exec-opt", "feature", "default-network-opt", "dns-opt", "host-gateway-ip",
		"label", "log-opt", "node-generic-resource", "cdi-spec-dir", "registry-mirror", "default-ulimit", "host":
		return flag + "s"
	}
	return flag
}
