package commands

import "github.com/docker-userns/docker-userns/internal/layercache"

// openCache opens this user's cache of layers. It is nil if none is wanted, or there can be none,
// such as without a home: audits only take longer then.
func openCache(unwanted bool) *layercache.Cache {
	dir, err := layercache.Default()
	if unwanted || err != nil {
		return nil
	}
	c, err := layercache.Open(dir, layercache.Size)
	if err != nil {
		return nil
	}
	return c
}
