package probe

import (
	"debug/elf"
	"fmt"
	"os"
	"runtime"
)

// samePlatform reports whether this program runs on an engine of that platform.
func samePlatform(engineOS, arch string) error {
	if engineOS == runtime.GOOS && arch == runtime.GOARCH && runtime.GOOS == "linux" {
		return nil
	}
	return fmt.Errorf("%w: the engine is %s/%s, this program %s/%s", ErrImage, engineOS, arch, runtime.GOOS, runtime.GOARCH)
}

// openProgram opens the program that runs, or the one at path. /proc/self/exe
// leads to it even if its file has been replaced since, proc(5). One that
// needs a dynamic linker would not start in an image that has nothing else.
func openProgram(path string) (*os.File, int64, error) {
	if path == "" {
		path = "/proc/self/exe"
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("reading this program: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = static(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, fmt.Errorf("reading this program: %w", err)
	}
	return f, info.Size(), nil
}

func static(f *os.File) error {
	program, err := elf.NewFile(f)
	if err != nil {
		return err
	}
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			return fmt.Errorf("%w: it is not static (scripts/build makes it so)", ErrImage)
		}
	}
	return nil
}
