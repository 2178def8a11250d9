package check

import (
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func config(version, data string) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) {
		f.Engine.Value.Version = version
		f.Config.Value.Data = []byte(data)
	}
}

func configIs(change func(*survey.ConfigFile)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { change(&f.Config.Value) }
}

func noConfig(f *survey.Facts, _ *Options) {
	f.Config = survey.Read[survey.ConfigFile]{Err: fs.ErrNotExist}
	f.Config.Value.Path = "/etc/docker/daemon.json"
}

func hiddenConfig(f *survey.Facts, _ *Options) { f.Config.Err = fs.ErrPermission }

// flags are those that dockerd is started with next.
func flags(args ...string) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { f.Start.Value.Args = args }
}

// alsoFlag sets a key of daemon.json and gives flags as well.
func alsoFlag(key string, args ...string) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, o *Options) {
		config("28.5.2", key)(f, o)
		flags(args...)(f, o)
	}
}

var configCases = []testCase{
	{"config-file", "there", asFound, OK, "/etc/docker/daemon.json"},
	{"config-file", "missing", noConfig, OK, "does not exist"},
	{"config-file", "missing, but named", func(f *survey.Facts, o *Options) { noConfig(f, o); f.Start.Value.ConfigGiven = true }, Error, "given by --config-file, does not exist"},
	{"config-file", "a fifo", func(f *survey.Facts, _ *Options) {
		f.Config.Err = host.ErrNotRegular
		f.Config.Value.Stat.Mode = fs.ModeNamedPipe
	}, Error, "a fifo"},
	{"config-file", "a directory", func(f *survey.Facts, _ *Options) {
		f.Config.Err = host.ErrNotRegular
		f.Config.Value.Stat.Mode = fs.ModeDir
	}, Error, "a directory"},
	{"config-file", "a symlink", configIs(func(c *survey.ConfigFile) { c.Link = "/nix/d.json" }), Error, "/nix/d.json"},
	{"config-file", "100 MB", configIs(func(c *survey.ConfigFile) { c.Truncated = true }), Error, "larger than 1 MiB"},
	{"config-file", "immutable", configIs(func(c *survey.ConfigFile) { c.Stat.Immutable = true }), Error, "immutable"},
	{"config-file", "immutable directory", configIs(func(c *survey.ConfigFile) { c.Parent.Immutable = true }), Error, "directory"},
	{"config-file", "unread", hiddenConfig, Unknown, "sudo"},
	{"config-owner", "root's", asFound, OK, "0644"},
	{"config-owner", "missing", noConfig, OK, ""},
	{"config-owner", "another's", configIs(func(c *survey.ConfigFile) { c.Stat.UID = 1000 }), Warning, "UID 1000"},
	{"config-owner", "open", configIs(func(c *survey.ConfigFile) { c.Stat.Mode = 0o664 }), Warning, "0664"},
	{"config-owner", "unread", hiddenConfig, Unknown, ""},
	{"config-owner", "no stat", configIs(func(c *survey.ConfigFile) { c.Stat.Err = errTest }), Unknown, ""},
	{"config-json", "sound", asFound, OK, "sets log-driver"},
	{"config-json", "missing", noConfig, OK, ""},
	{"config-json", "empty", config("28.5.2", " \n"), OK, "sets nothing"},
	{"config-json", "empty, 20.10", config("20.10.24", ""), Error, "EOF"},
	{"config-json", "comment", config("28.5.2", "{\n  // x\n}"), Error, "line 2, column 3"},
	{"config-json", "BOM", config("28.5.2", "\xef\xbb\xbf{}"), Error, "byte order mark"},
	{"config-json", "twice", config("28.5.2", `{"a": 1, "a": 2}`), Error, `"a" appears twice`},
	{"config-json", "garbage after it, 20.10", config("20.10.24", "{} x"), Error, "line 1, column 4"},
	{"config-json", "null", config("28.5.2", "null"), Error, "null"},
	{"config-json", "no engine", func(f *survey.Facts, o *Options) { config("", "[]")(f, o); noEngine(f, o) }, Error, "an array"},
	{"config-json", "unread", hiddenConfig, Unknown, ""},
	{"config-keys", "none", asFound, OK, ""},
	{"config-keys", "other letters", config("28.5.2", `{"Userns-Remap": "x"}`), Error, `"Userns-Remap"`},
	{"config-keys", "no string", config("28.5.2", `{"userns-remap": true}`), Error, "is not a string"},
	{"config-keys", "snapshotter, 29", config("29.7.2", `{"features": {"containerd-snapshotter": true}}`), Error, "does not start"},
	{"config-keys", "snapshotter off, 29", config("29.7.2", `{"features": {"containerd-snapshotter": false}}`), OK, ""},
	{"config-keys", "snapshotter, 28", config("28.5.2", `{"features": {"containerd-snapshotter": true}}`), OK, ""},
	{"config-keys", "overlayfs, 29", config("29.0.0", `{"storage-driver": "overlayfs"}`), Error, `"overlayfs"`},
	{"config-keys", "a snapshotter that is not known here, 29", config("29.0.0", `{"storage-driver": "novel"}`), Error, `"novel"`},
	{"config-keys", "vfs, 29", config("29.0.0", `{"storage-driver": "vfs"}`), OK, ""},
	{"config-keys", "migration, 29", config("29.8.0", `{"features": {"containerd-migration": true}}`), Error, "containerd-migration"},
	{"config-keys", "migration off, 29", config("29.8.0", `{"features": {"containerd-migration": false}}`), OK, ""},
	{"config-keys", "migration, 28", config("28.5.2", `{"features": {"containerd-migration": true}}`), OK, ""},
	{"config-keys", "--feature migration, 29", func(f *survey.Facts, o *Options) {
		config("29.8.0", `{}`)(f, o)
		flags("--feature", "containerd-migration=T")(f, o)
	}, Error, "the flag --feature turns on"},
	{"config-keys", "-s overlayfs, 29", func(f *survey.Facts, o *Options) {
		config("29.0.0", `{}`)(f, o)
		flags("-s", "overlayfs")(f, o)
		f.Unit.Value.Files = []survey.TextFile{text("/etc/default/docker", "# -s\nDOCKER_OPTS=\"-s overlayfs\"\n")}
	}, Error, `the flag -s (/etc/default/docker, line 2) sets the storage driver "overlayfs"`},
	{"config-keys", "-s overlay2, 29", func(f *survey.Facts, o *Options) {
		config("29.0.0", `{}`)(f, o)
		flags("-s", "overlay2")(f, o)
	}, OK, ""},
	{"config-keys", "--feature, 29", func(f *survey.Facts, o *Options) {
		config("29.0.0", `{}`)(f, o)
		flags("--feature", "containerd-snapshotter=true")(f, o)
	}, Error, "the flag --feature turns on"},
	{"config-keys", "snapshotter, no version", config("dev", `{"features": {"containerd-snapshotter": true}}`), Unknown, ""},
	{"config-keys", "unread", hiddenConfig, Unknown, ""},
	{"config-flags", "none", asFound, OK, "none of 1 key"},
	{"config-flags", "hosts", config("28.5.2", `{"hosts": ["tcp://127.0.0.1:2375"]}`), Error, "1 setting is in daemon.json and also given as a flag"},
	{"config-flags", "its own flag", alsoFlag(`{"userns-remap": "x"}`, "--userns-remap", "x"), Error, "1 setting is in daemon.json and also given as a flag"},
	{"config-flags", "-s x", alsoFlag(`{"storage-driver": "overlay2"}`, "-s", "overlay2"), Error, "1 setting is in daemon.json and also given as a flag"},
	{"config-flags", "-sx", alsoFlag(`{"storage-driver": "overlay2"}`, "-soverlay2"), Error, "1 setting is in daemon.json and also given as a flag"},
	{"config-flags", "-Ds=x", alsoFlag(`{"storage-driver": "overlay2"}`, "-Ds=overlay2"), Error, "1 setting is in daemon.json and also given as a flag"},
	{"config-flags", "in another's value", alsoFlag(`{"storage-driver": "overlay2"}`, "--log-opt", "-soverlay2"), OK, ""},
	{"config-flags", "started with, not any more", func(f *survey.Facts, o *Options) {
		config("28.5.2", `{"log-driver": "local"}`)(f, o)
		f.Daemon.Value.Args = []string{"dockerd", "--log-driver=local"}
	}, OK, ""},
	{"config-flags", "written down, not in force yet", alsoFlag(`{"log-driver": "local"}`, "--log-driver=local"), Error, "1 setting is in daemon.json and also given as a flag"},
	{"config-flags", "by the service, while down", func(f *survey.Facts, o *Options) {
		noDaemon(f, o)
		alsoFlag(`{"debug": true}`, "-D")(f, o)
	}, Error, ""},
	{"config-flags", "what may stand twice", alsoFlag(`{"runtimes": {}}`, "--add-runtime", "x=y", "--", "--runtimes"), OK, ""},
	{"config-flags", "no flags known", func(f *survey.Facts, o *Options) { noDaemon(f, o); noStart(f, o) }, Unknown, ""},
	{"config-flags", "the next ones are not known", noStart, Unknown, ""},
	{"config-flags", "the next ones are not known, and it is one already", func(f *survey.Facts, o *Options) {
		noStart(f, o)
		config("28.5.2", `{"hosts": []}`)(f, o)
	}, Error, ""},
	{"config-flags", "unread", hiddenConfig, Unknown, ""},
	{"config-remap", "off", asFound, OK, "not set"},
	{"config-remap", "on", isOn, OK, `"dockremap"`},
	{"config-remap", "set, not in effect", func(f *survey.Facts, o *Options) {
		withAccount(f, good)
		config("28.5.2", `{"userns-remap": "dockremap"}`)(f, o)
	}, Error, "the next restart would turn remap on without any protection"},
	{"config-remap", "taken out, still in effect", func(f *survey.Facts, _ *Options) { *f = remapped(); f.Config.Value.Data = nil }, Error, "after a restart remap would be off"},
	{"config-remap", "on by a flag", func(f *survey.Facts, o *Options) {
		*f = remapped()
		f.Config.Value.Data = nil
		flags("--userns-remap=dockremap")(f, o)
	}, OK, "the flag --userns-remap"},
	{"config-remap", "the last of two flags", func(f *survey.Facts, o *Options) {
		*f = remapped()
		f.Config.Value.Data = nil
		flags("--userns-remap=other", "--userns-remap=dockremap", "--", "--userns-remap=third")(f, o)
	}, OK, `as set by the flag --userns-remap=dockremap ("dockremap")`},
	{"config-remap", "default without an account, 28", config("28.0.0", `{"userns-remap": "default"}`), Error, "a range that may belong to another user"},
	{"config-remap", "set, daemon down", func(f *survey.Facts, o *Options) {
		withAccount(f, good)
		config("", `{"userns-remap": "dockremap"}`)(f, o)
		noEngine(f, o)
	}, OK, `"dockremap"`},
	{"config-remap", "not set, daemon down", noEngine, Unknown, ""},
	{"config-remap", "unread", hiddenConfig, Unknown, ""},
	{"config-remap", "on, flags not known", func(f *survey.Facts, o *Options) {
		*f = remapped()
		f.Config.Value.Data = nil
		noStart(f, o)
	}, Unknown, ""},
}
