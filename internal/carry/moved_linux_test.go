package carry_test

import (
	"testing"

	"gotest.tools/v3/assert"
)

// Folders and links that move between passes do not move what is remembered of their files:
// the last pass makes the copy equal.
func TestMovedBetweenPasses(t *testing.T) {
	needRoot(t)
	for name, passes := range map[string][]string{
		"away and back": {
			"mkdir data; echo db >data/db; mkdir data/sub; echo deep >data/sub/deep", "mv data data.bak; mkdir data", "rm -r data; mv data.bak data",
		},
		"swapped and back": {
			"mkdir blue green; echo b >blue/f; echo g >green/f; touch -d @1 blue/f green/f", "mv blue t; mv green blue; mv t green", "mv blue t; mv green blue; mv t green",
		},
		"links swapped": {
			"mkdir a b c; echo A >a/x; ln a/x c/1; echo B >b/x; ln b/x c/2; touch -d @1 a/x b/x", "mv a t; mv b a; mv t b",
		},
		"links swapped and back": {
			"mkdir a b; echo A >a/x; ln a/x a/y; echo B >b/x; ln b/x b/y; touch -d @1 a/x b/x", "mv a t; mv b a; mv t b", "mv a t; mv b a; mv t b",
		},
		"extras of a folder": {
			"mkdir -p d/e; echo 1 >d/e/1", "mv d d.bak; mkdir -p d/e; echo 2 >d/e/2", "rm -r d; mv d.bak d",
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, to, memory := t.TempDir(), target(t), target(t)
			for _, script := range passes {
				sh(t, from, script+"; sleep 0.02")
				copyWith(t, from, to, memory)
			}
			equal(t, tree(t, to, same), tree(t, from, shifted))
			again := copyWith(t, from, to, memory)
			copyWith(t, from, to, memory)
			equal(t, tree(t, to, same), tree(t, from, shifted))
			assert.Equal(t, again.Removed.Load(), int64(0))
		})
	}
}
