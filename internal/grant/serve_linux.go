package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/escape"
)

// Serve is the program on a host: it does what args say. It answers the plugin on out; to
// the script of a change, the error is the answer, and what is on out are notes, a line each.
func Serve(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == verbLook:
		found, err := look(ctx, in)
		return reply(out, found, err)
	case len(args) == 1 && args[0] == verbReady:
		return nil
	case len(args) == 2 && args[0] == verbInstall:
		return reply(out, nil, install(args[1]))
	case len(args) == 2:
		if err := carry.EndWithParent(); err != nil {
			return err
		}
		notes, err := change(ctx, args[0], args[1])
		for _, n := range notes {
			fmt.Fprintln(out, escape.Line(n))
		}
		return err
	}
	return errors.New("usage: grant look | ready | install FOLDER | give FOLDER | take FOLDER | undo-give FOLDER | undo-take FOLDER")
}

func reply(out io.Writer, found []Found, err error) error {
	a := answer{Found: found, Done: err == nil}
	if err != nil {
		a.Error = err.Error()
	}
	return json.NewEncoder(out).Encode(a)
}

func look(ctx context.Context, in io.Reader) ([]Found, error) {
	var s Survey
	if err := json.NewDecoder(io.LimitReader(in, maxInput)).Decode(&s); err != nil {
		return nil, fmt.Errorf("reading what to look at: %w", err)
	}
	if err := carry.StepBack(); err != nil {
		return nil, err
	}
	return Look(ctx, s), nil
}

// install puts the running program into the folder of a change, whole or not at all.
func install(folder string) error {
	if err := rootsAlone(folder); err != nil {
		return err
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(folder, ProgramFile), 0o700, func(f io.Writer) error {
		_, err := f.Write(program)
		return err
	})
}

// rootsAlone refuses a folder that anybody except root could look into.
func rootsAlone(folder string) error {
	var st unix.Stat_t
	if err := unix.Lstat(folder, &st); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	if st.Mode != unix.S_IFDIR|0o700 || st.Uid != 0 {
		return fmt.Errorf("%s is not a folder of root with mode 0700", folder)
	}
	return nil
}

// change does what the script of a change asks for.
func change(ctx context.Context, verb, folder string) (notes []string, _ error) {
	if err := rootsAlone(folder); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, JobFile))
	if err != nil {
		return nil, err
	}
	var j Job
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, err
	}
	if err := j.valid(); err != nil {
		return nil, err
	}
	begun, taken := filepath.Join(folder, begunFile), filepath.Join(folder, takenFile)
	switch verb {
	case verbGive:
		return nil, j.Give(ctx, func() error { return once(begun, func(io.Writer) error { return nil }) })
	case verbUngive:
		if _, err := os.Lstat(begun); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return j.Take(ctx)
	case verbTake:
		if err := once(taken, func(f io.Writer) error { return j.Record(ctx, f) }); err != nil {
			return nil, err
		}
		return j.Take(ctx)
	case verbUntake:
		return nil, restoreFrom(ctx, j, taken)
	}
	return nil, fmt.Errorf("%q is no verb of grant", verb)
}

// once writes a file that does not exist yet.
func once(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeSynced(path, 0o600, write)
}

// restoreFrom undoes a take. Without a record, nothing was taken yet.
func restoreFrom(ctx context.Context, j Job, file string) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return j.Restore(ctx, f)
}

// writeSynced writes a file that is whole, and on the disk with its name, or none.
func writeSynced(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, mode)
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
