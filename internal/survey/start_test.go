package survey

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// What systemd 257 makes of such files was seen on a host.
func TestParseEnvironment(t *testing.T) {
	assert.DeepEqual(t, parseEnvironment(strings.Join([]string{
		`# A=1`, `; A=2`, `# goes on \`, `A=3`, ``, `export EXP=1`, `  LEAD=2`, `CONT=a\`, `b`, `UNQ=a b  c  `, `MIX='a'"b c"d`,
		`INNER=a"b c"d`, `ESC=a\\ b\tc`, `DQ="a\\b\"c\$d\n"`, `SQ='a\b"c'`, `LINES="a`, `b"`, `EMPTY=`, `none`, `2X=a`, `CR=a` + "\r", `LAST=z`,
	}, "\n")), map[string]string{
		"LEAD": "2", "CONT": "ab", "UNQ": "a b  c", "MIX": "ab cd", "INNER": `a"b c"d`, "ESC": `a\ btc`, "DQ": `a\b"c$d\n`, "SQ": `a\b"c`,
		"LINES": "a\nb", "EMPTY": "", "CR": "a", "LAST": "z",
	})
	for _, text := range []string{"", "A", "A=", "A='", `A="`, `A=\`, `A="\`, "#", `#\`, "=", "\\", "A=\n="} {
		parseEnvironment(text) // ends
	}
}

func TestExpand(t *testing.T) {
	values := map[string]string{"A": "b c", "Q": `x "y z" w\ v`, "E": ""}
	for word, want := range map[string][]string{
		"$A": {"b", "c"}, "${A}": {"b c"}, "$Q": {"x", "y z", "w v"}, "$E": nil, "${E}": {""}, "$NONE": nil, "${NONE}": {""},
		"$$x": {"$x"}, "pre$A": {"pre$A"}, "pre${A}post": {"preb cpost"}, "$A-": nil, "${A": {"${A"}, "--a=$$${A}": {"--a=$b c"}, "$": {"$"}, "a$": {"a$"},
	} {
		assert.DeepEqual(t, expand([]string{word}, values), want)
	}
}

// unit is that of Debian's docker.io.
func unit() Unit {
	return Unit{
		Manager: Systemd, Name: hostUnit, LoadState: "loaded", MainPID: 7, Program: "/usr/sbin/dockerd", Start: "/usr/sbin/dockerd -H fd:// $DOCKER_OPTS",
		EnvironmentFiles: []EnvironmentFile{{"/etc/default/docker", true}},
	}
}

// What is started next is what the unit and its files say now, whatever the process
// that runs was given.
func TestStart(t *testing.T) {
	for name, c := range map[string]struct {
		unit    func(*Unit)
		files   map[string]string
		args    string // of the process that runs
		want    string
		unitSay bool
	}{
		"no environment file":   {nil, nil, "dockerd -H fd://", "-H|fd://", true},
		"an environment file":   {nil, map[string]string{"/etc/default/docker": `DOCKER_OPTS="-s overlayfs"`}, "dockerd -H fd://", "-H|fd://|-s|overlayfs", true},
		"a drop-in":             {func(u *Unit) { u.Start = "/usr/sbin/dockerd --log-driver=local" }, nil, "dockerd -H fd://", "--log-driver=local", true},
		"words with blanks":     {func(u *Unit) { u.Start = "/usr/sbin/dockerd --label a=b c" }, nil, "dockerd --label a=b\x01c", "--label|a=b c", true},
		"of the unit itself":    {func(u *Unit) { u.Environment = []string{"DOCKER_OPTS=-D"} }, nil, "dockerd", "-H|fd://|-D", true},
		"the file goes before":  {func(u *Unit) { u.Environment = []string{"DOCKER_OPTS=-D"} }, map[string]string{"/etc/default/docker": "DOCKER_OPTS="}, "dockerd", "-H|fd://", true},
		"verbatim":              {func(u *Unit) { u.Verbatim = true }, nil, "dockerd", "-H|fd://|$DOCKER_OPTS", true},
		"by a script":           {func(u *Unit) { u.Program, u.Start = "/bin/sh", "/bin/sh -c x" }, nil, "dockerd -D", "-D", false},
		"an init script":        {func(u *Unit) { *u = Unit{Manager: SysV} }, map[string]string{"/etc/default/docker": "export A=1\nexport DOCKER_OPTS='-s x'\n"}, "dockerd -p /run/p -s x", "-p|/run/p|-s|x", false},
		"an init script, later": {func(u *Unit) { *u = Unit{Manager: OpenRC} }, map[string]string{"/etc/conf.d/docker": `DOCKER_OPTS="-s x"`}, "dockerd -p /run/p", "-p|/run/p|-s|x", false},
		"by hand":               {func(u *Unit) { *u = Unit{Manager: NoUnit} }, map[string]string{"/etc/default/docker": `DOCKER_OPTS="-s x"`}, "dockerd -D", "-D", false},
	} {
		l := seeing(map[int]string{7: c.args}, c.files, nil)
		if _, there := c.files["/etc/default/docker"]; !there {
			l.seen.Files["/etc/default/docker"] = host.Body{Err: fs.ErrNotExist}
		}
		cmdline := l.seen.Files["/proc/7/cmdline"]
		cmdline.Data = []byte(strings.ReplaceAll(string(cmdline.Data), "\x01", " "))
		l.seen.Files["/proc/7/cmdline"] = cmdline
		u := unit()
		if c.unit != nil {
			c.unit(&u)
		}
		s := l.start(l.process(7), true, u)
		assert.NilError(t, s.Err, name)
		assert.Equal(t, strings.Join(s.Value.Args, "|"), c.want, name)
		assert.Equal(t, s.Value.FromUnit, c.unitSay, name)
		assert.Equal(t, s.Value.Program+s.Value.Doubt, "/usr/sbin/dockerd", name)
		assert.Equal(t, s.Value.Config, hostConfig, name)
	}
}

func TestStartOfADaemonThatIsDown(t *testing.T) {
	l := seeing(nil, map[string]string{
		"/etc/default/docker": "DOCKER_OPTS='--config-file=/srv/d.json'", "/srv/d.json": `{"data-root": "/data"}`,
	}, nil)
	l.seen.Reals["/data"] = host.Real{Path: "/mnt/big"}
	l.units = map[string]Unit{hostUnit: unit()}
	s := l.start(process{}, false, unit())
	assert.NilError(t, s.Err)
	assert.Check(t, s.Value.Config == "/srv/d.json" && s.Value.ConfigGiven && s.Value.DataRoot == "/mnt/big", "%v", s.Value)
	l.engine = nil
	assert.Equal(t, l.dataRoot(), "/data")

	l.seen.Reals["/usr/sbin/dockerd"] = host.Real{Path: "/home/m/dockerd"}
	assert.Check(t, strings.Contains(l.start(process{}, false, unit()).Value.Doubt, "UID 1000"))
	delete(l.seen.Reals, "/data")
	assert.Equal(t, l.start(process{}, false, unit()).Value.DataRoot, "", "not followed")

	assert.ErrorIs(t, l.start(process{}, false, Unit{Manager: NoUnit}).Err, ErrNoStart)
	l.seen.Files["/etc/conf.d/docker"] = host.Body{Data: []byte("DOCKER_OPTS='-s x'")}
	s = l.start(process{}, false, Unit{Manager: OpenRC})
	assert.NilError(t, s.Err)
	assert.Equal(t, strings.Join(s.Value.Args, " ")+s.Value.Program+s.Value.Doubt, "--config-file=/srv/d.json -s x")
	u := unit()
	u.Start = ""
	assert.ErrorIs(t, l.start(process{}, false, u).Err, ErrNoStart)
}

func TestStartThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		file EnvironmentFile
		err  error
		want error
	}{
		"missing":             {EnvironmentFile{"/etc/env", false}, fs.ErrNotExist, ErrStartFails},
		"missing, and may be": {EnvironmentFile{"/etc/env", true}, fs.ErrNotExist, nil},
		"hidden":              {EnvironmentFile{"/etc/env", true}, fs.ErrPermission, fs.ErrPermission},
		"many":                {EnvironmentFile{"/etc/env.*", true}, fs.ErrNotExist, errors.ErrUnsupported},
	} {
		l, u := seeing(nil, nil, nil), unit()
		u.EnvironmentFiles = []EnvironmentFile{c.file}
		l.seen.Files[c.file.Path] = host.Body{Err: c.err}
		err := l.start(process{}, false, u).Err
		if c.want == errors.ErrUnsupported {
			assert.ErrorContains(t, err, "/etc/env.*", name)
			continue
		}
		assert.Check(t, errors.Is(err, c.want), "%s: %v", name, err)
	}
}

func TestUnitLines(t *testing.T) {
	u := Unit{File: "/lib/docker.service", DropIns: []string{"/etc/a.conf"}, Files: []TextFile{
		{Path: "/lib/docker.service", Data: []byte("[Service]\nExecStart=/usr/sbin/dockerd -H fd:// \\\n  --storage-driver=x\\\n -D\nExecReload=/bin/kill -s HUP \\\n -s\n")},
		{Path: "/etc/a.conf", Data: []byte("Environment=\"DOCKER_OPTS=-l debug\"\nDescription=-l\n")},
		{Path: "/etc/default/docker", Data: []byte("#-s x\n ; -s x\nDOCKER_OPTS=\"-s x --selinux-enabled\"\nB=-s\nC='-s'")},
	}}
	assert.DeepEqual(t, u.Lines("-s"), []Line{{"/etc/default/docker", 3}, {"/etc/default/docker", 4}, {"/etc/default/docker", 5}})
	assert.DeepEqual(t, u.Lines("--storage-driver=x"), []Line{{"/lib/docker.service", 3}})
	assert.DeepEqual(t, u.Lines("-D"), []Line{{"/lib/docker.service", 4}})
	assert.DeepEqual(t, u.Lines("-l"), []Line{{"/etc/a.conf", 1}})
	assert.Equal(t, u.Given("-l"), "-l (/etc/a.conf, line 1)")
	assert.Equal(t, u.Given("-x"), "-x")
	assert.Equal(t, len(u.Lines("--selinux"))+len(u.Lines("")), 0)
}
