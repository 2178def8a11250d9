package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/hook"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/pflag"
)

// aloneFlag refuses anything else with --install-hook and --remove-hook.
func aloneFlag(flags *pflag.FlagSet, args []string) error {
	if flags.NFlag() == 1 && len(args) == 0 {
		return nil
	}
	return errors.New("--install-hook and --remove-hook cannot be combined with other options")
}

// runHook puts the hook into the configuration of the Docker CLI, or takes it out.
func runHook(ctx context.Context, dockerCLI command.Cli, install bool) error {
	file := dockerCLI.ConfigFile().Filename
	key := hook.OnError
	edit := hook.Remove
	if install {
		var err error
		if key, err = keyOf(versionOfCLI(ctx)); err != nil {
			return err
		}
		edit = func(text []byte) ([]byte, error) { return hook.Install(text, key) }
	}
	changed, err := editFile(file, edit)
	switch {
	case err != nil:
		return fmt.Errorf("changing %s: %w", file, err)
	case !changed:
		fmt.Fprintf(dockerCLI.Err(), "%s is unchanged: the hook is %s\n", escape.Line(file), map[bool]string{true: "in it already", false: "not in it"}[install])
		return nil
	case !install:
		fmt.Fprintf(dockerCLI.Err(), "The hook is removed from %s\n", escape.Line(file))
		return nil
	}
	fmt.Fprintf(dockerCLI.Err(), "The hook is in %s\n", escape.Line(file))
	if key == hook.Always {
		fmt.Fprintln(dockerCLI.Err(), "This docker calls it after every pull, run, create, load and import. From version 29.3 on it can do so after\nfailures only: run --install-hook again when you have that version.")
	}
	return nil
}

// editFile replaces a file of the user by an edit of it, as a whole or not at all.
// Links stay links, and a file keeps its mode. The file may be missing. Root edits no
// file that belongs to another user.
func editFile(path string, edit func([]byte) ([]byte, error)) (changed bool, err error) {
	if err := errors.Join(ownedBySelf(filepath.Dir(path)), ownedBySelf(path)); err != nil {
		return false, err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	} else if !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	if err := errors.Join(ownedBySelf(filepath.Dir(path)), ownedBySelf(path)); err != nil {
		return false, err
	}
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	after, err := edit(before)
	if err != nil || bytes.Equal(before, after) {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, err
	}
	return true, writeWhole(path, after, mode)
}

// keyOf is where a version of the CLI looks for hooks. The newest is assumed of one
// that is unknown.
func keyOf(version [2]int) (hook.Key, error) {
	switch major, minor := version[0], version[1]; {
	case major == 0, major > 29, major == 29 && minor >= 3:
		return hook.OnError, nil
	case major < 26, major == 26 && minor < 1:
		return "", fmt.Errorf("the Docker CLI is version %d.%d, and calls hooks from 26.1 on", major, minor)
	}
	return hook.Always, nil
}

var cliVersion = regexp.MustCompile(`^Docker version (\d+)\.(\d+)\.`)

// versionOfCLI is the version of the docker that called this program, otherwise that
// of the one which a shell would find; zero if there is none.
func versionOfCLI(ctx context.Context) (version [2]int) {
	docker := os.Getenv(metadata.ReexecEnvvar)
	if docker == "" {
		docker = "docker"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	said, err := exec.CommandContext(ctx, docker, "--version").Output()
	if m := cliVersion.FindSubmatch(said); err == nil && m != nil {
		version[0], _ = strconv.Atoi(string(m[1]))
		version[1], _ = strconv.Atoi(string(m[2]))
	}
	return version
}
