package check

import (
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// flags are those that dockerd is started with next, as far as they are known.
func (in *Input) flags() []dockerd.Flag { return dockerd.Flags(in.StartArgs()) }

// flagsKnown reports whether flags is all that dockerd is started with.
func (in *Input) flagsKnown() bool { return in.Start.Err == nil }

// given names a flag as it is written, and where.
func (in *Input) given(f dockerd.Flag) string { return in.Unit.Value.Given(f.Word) }

// feature reports whether one of dockerd's features is turned on, and where.
func (in *Input) feature(name string) (on bool, from string) {
	for _, f := range in.flags() {
		key, value, given := strings.Cut(f.Value, "=")
		if on, err := strconv.ParseBool(value); f.Name == "feature" && key == name && (!given || on && err == nil) {
			return true, "the flag " + in.given(f)
		}
	}
	if in.features[name] == true {
		return true, `"features" of ` + in.ConfigPath()
	}
	return false, ""
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
