package imagetest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/rogpeppe/go-internal/txtar"
	"gotest.tools/v3/assert"
)

// allCures has every Dockerfile of testdata/cures tried, not only a sample.
var allCures = os.Getenv("TEST_ALL") != ""

// TestCures builds the Dockerfiles of testdata/cures, and audits the images. It
// writes the cures into the Dockerfiles, as a diff of the Dockerfile and as they
// are known from the image's history alone, and builds them again. The audit must
// find nothing then, and a check that passed in the first image must pass in the
// second: the program can still read and write what it could.
func TestCures(t *testing.T) {
	if testing.Short() {
		t.Skip("builds images, left out with -short")
	}
	engine := testengine.Start(t, testengine.Options{})
	importTools(t, engine)
	files, err := filepath.Glob("testdata/cures/*.txt")
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 0)
	t.Run("all", func(t *testing.T) {
		for _, file := range files {
			c := readCure(t, engine, file)
			if !c.sample && !allCures {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t)
			})
		}
	})
}

// cureCase is a Dockerfile, and how its image is checked.
type cureCase struct {
	engine     *testengine.Engine
	name       string
	dockerfile string
	base       string // a Dockerfile of the image "lower", "" for none
	check      string
	args       []string // NAME=VALUE
	files      map[string]string
	kit        bool
	sample     bool // it is run without TEST_ALL, too
	history    bool // cures from history alone are tried too
}

func readCure(t *testing.T, engine *testengine.Engine, file string) cureCase {
	t.Helper()
	a, err := txtar.ParseFile(file)
	assert.NilError(t, err)
	c := cureCase{engine: engine, name: strings.TrimSuffix(filepath.Base(file), ".txt"), files: map[string]string{}, history: true}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "args":
			c.args = strings.Fields(value)
		case "builder":
			c.kit = value == "buildkit"
		case "sample":
			c.sample = value == "yes"
		case "history":
			c.history = value != "no"
		}
	}
	for _, f := range a.Files {
		switch f.Name {
		case "Dockerfile":
			c.dockerfile = string(f.Data)
		case "check":
			c.check = string(f.Data)
		case "base":
			c.base = strings.ReplaceAll(string(f.Data), "FROM lower", "FROM "+c.tag("lower"))
		default:
			c.files[f.Name] = string(f.Data)
		}
	}
	c.dockerfile = strings.ReplaceAll(c.dockerfile, "FROM lower", "FROM "+c.tag("lower"))
	return c
}

func (c cureCase) tag(what string) string { return c.name + ":" + what }

func (c cureCase) run(t *testing.T) {
	if c.kit {
		installBuildx(t, c.engine)
	}
	if c.base != "" {
		c.build(t, "lower", c.base, nil)
	}
	c.build(t, "before", c.dockerfile, c.args)
	c.mustPass(t, "before")
	t.Run("dockerfile", func(t *testing.T) {
		d, err := audit.ParseDockerfile("Dockerfile", strings.NewReader(c.dockerfile))
		assert.NilError(t, err)
		r := c.audit(t, "before", d)
		assert.Assert(t, len(r.Findings) > 0)
		var diff bytes.Buffer
		assert.NilError(t, audit.Patch(&diff, []audit.Report{r}, d, "Dockerfile"))
		c.cured(t, "patched", patched(t, c.dockerfile, diff.String()), r)
	})
	if !c.history {
		return
	}
	t.Run("history", func(t *testing.T) {
		r := c.audit(t, "before", nil)
		c.cured(t, "pasted", pasted(t, c.dockerfile, r), r)
	})
}

// cured builds what a cure made of the Dockerfile, once, and holds it to account.
func (c cureCase) cured(t *testing.T, tag, dockerfile string, r audit.Report) {
	t.Helper()
	args := c.args
	for _, f := range r.Findings {
		for _, also := range f.Also {
			if arg, ok := strings.CutPrefix(also, "build with --build-arg "); ok {
				args = append(args, arg)
			}
		}
	}
	c.build(t, tag, dockerfile, args)
	again := c.audit(t, tag, nil)
	for _, f := range again.Findings {
		t.Errorf("still there: %s of %d:%d in layer %d: %q\n%s", f.Rule, f.UID, f.GID, f.Layer, f.Paths, dockerfile)
	}
	assert.Assert(t, again.Startable)
	c.mustPass(t, tag)
}

func (c cureCase) audit(t *testing.T, tag string, d *audit.Dockerfile) audit.Report {
	t.Helper()
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size), Paths: 3, Dockerfile: d})
	names := []string{c.tag(tag)}
	if c.base != "" {
		names = append(names, c.tag("lower"))
	}
	images, err := image.Daemon{Engine: c.engine.Client(t), Names: names}.Images(t.Context(), a)
	assert.NilError(t, err)
	assert.NilError(t, images[0].Err)
	return a.Report(images[0], images...)
}

func (c cureCase) build(t *testing.T, tag, dockerfile string, args []string) {
	t.Helper()
	dir := t.TempDir()
	c.files["Dockerfile"] = dockerfile
	for name, body := range c.files {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644))
	}
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "odd.tar"), oddTar("odd/", "odd/file"), 0o644))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "mixed.tar"), oddTar("mixed/", "mixed/odd", "mixed/good"), 0o644))
	command := []string{"build", "--network", "none", "-t", c.tag(tag)}
	if c.kit {
		command = []string{"buildx", "build", "--network", "none", "--load", "--provenance=false", "-t", c.tag(tag)}
	}
	for _, a := range args {
		command = append(command, "--build-arg", a)
	}
	out, err := c.engine.Docker(append(command, dir)...).CombinedOutput()
	if tag == "before" && c.kit && strings.Contains(string(out), "unknown instruction: ") {
		t.Skip("needs an engine whose BuildKit knows here-documents")
	}
	assert.NilError(t, err, "%s\n%s", out, dockerfile)
}

// installBuildx has the docker CLI of an engine build with BuildKit.
func installBuildx(t *testing.T, engine *testengine.Engine) {
	t.Helper()
	program, err := exec.LookPath("docker-buildx")
	if err != nil {
		t.Skip("needs docker-buildx in PATH")
	}
	dir := filepath.Join(engine.Dir, "config", "cli-plugins")
	assert.NilError(t, os.MkdirAll(dir, 0o700))
	if err := os.Symlink(program, filepath.Join(dir, "docker-buildx")); !errors.Is(err, fs.ErrExist) {
		assert.NilError(t, err)
	}
}

func (c cureCase) mustPass(t *testing.T, tag string) {
	t.Helper()
	out, err := c.engine.Docker("run", "--rm", "--network", "none", "--entrypoint", "sh", c.tag(tag), "-ec", c.check).CombinedOutput()
	assert.NilError(t, err, "%s: %s", tag, out)
}

// importTools makes the image "base": busybox, and this machine's bash and the
// programs of its package passwd.
func importTools(t *testing.T, engine *testengine.Engine) {
	t.Helper()
	root := t.TempDir()
	out, err := exec.Command("sh", "-euc", toolsTree, "sh", root).CombinedOutput()
	assert.NilError(t, err, "%s", out)
	tree, err := exec.Command("tar", "-C", root, "--owner=0", "--group=0", "-c", ".").Output()
	assert.NilError(t, err)
	load := engine.Docker("import", "-", "base")
	load.Stdin = bytes.NewReader(tree)
	out, err = load.CombinedOutput()
	assert.NilError(t, err, "%s", fmt.Sprint(string(out)))
}

const toolsTree = `
root=$1
mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/home" "$root/opt" "$root/srv" "$root/var/cache" "$root/tmp"
chmod 1777 "$root/tmp"
cp "$(readlink -f "$(command -v busybox)")" "$root/bin/busybox"
for applet in $(busybox --list); do
	[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
for program in bash install useradd groupadd usermod; do
	file=$(PATH=$PATH:/usr/sbin:/sbin command -v $program) || continue
	rm -f "$root/bin/$program"
	cp -L "$file" "$root/bin/$program"
	for library in $(ldd "$file" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$library")"
		[ -e "$root$library" ] || cp -L "$library" "$root$library"
	done
done
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
: >"$root/etc/login.defs"
: >"$root/etc/shadow"
# Debian's busybox has no adduser and addgroup.
cat >"$root/bin/addgroup" <<'END'
#!/bin/sh
while getopts g: o; do gid=$OPTARG; done
shift $((OPTIND - 1))
echo "$1:x:$gid:" >>/etc/group
END
cat >"$root/bin/adduser" <<'END'
#!/bin/sh -e
while getopts Du:G: o; do
	case $o in
	u) uid=$OPTARG ;;
	G) group=$OPTARG ;;
	esac
done
shift $((OPTIND - 1))
[ -n "$group" ] || { addgroup -g "$uid" "$1" && group=$1; }
gid=$(grep "^$group:" /etc/group | cut -d: -f3)
echo "$1:x:$uid:$gid::/home/$1:/bin/sh" >>/etc/passwd
mkdir "/home/$1"
chown "$uid:$gid" "/home/$1"
END
chmod 755 "$root/bin/addgroup" "$root/bin/adduser"
`
