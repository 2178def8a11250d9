package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/report"
)

// Grant is the command that gives one user a right to a path, and takes none
// from others; deep is for a directory with all in it. On what the system itself
// lives in nothing is granted.
func Grant(uid int64, want Perm, path string, deep bool) []string {
	if ofSystem(path) {
		return nil
	}
	entry := fmt.Sprintf("u:%d:%s", uid, strings.ReplaceAll(strings.ReplaceAll(want.String(), "-", ""), "x", "X"))
	if deep {
		return []string{report.Command("sudo", "setfacl", "-R", "-m", entry+",d:"+entry, "--", path)}
	}
	return []string{report.Command("sudo", "setfacl", "-m", entry, "--", path)}
}

// ofSystem says whether a path is a directory at the top, or lies in one that
// holds the system.
func ofSystem(path string) bool {
	top, below, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if below == "" && top != "" {
		return slices.Contains([]string{"home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "var"}, top) || systemTree(top)
	}
	return top == "" || systemTree(top)
}

func systemTree(top string) bool {
	return slices.Contains([]string{"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "sys", "usr"}, top)
}
