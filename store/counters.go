package store

import (
	"fmt"
	"math"

	bolt "go.etcd.io/bbolt"
)

// Count adds to counters, given as function, counter, how much, in one transaction that is on the disk when it returns. A counter that was
// never added to begins at 0, and one that reaches the largest uint64 stays there. Functions that do not exist are passed over: they may
// have been deleted since the caller counted. It returns [ErrName] for a counter that cannot be a key, and has then added nothing.
func (s *Store) Count(delta map[string]map[string]uint64) error {
	if len(delta) == 0 {
		return nil
	}
	return s.update(func(tx *bolt.Tx) error {
		functions := tx.Bucket(functionsBucket)
		for function, amounts := range delta {
			b := functions.Bucket([]byte(function))
			if b == nil {
				continue
			}
			if err := addCounters(b, amounts); err != nil {
				return fmt.Errorf("count for function %q: %w", function, err)
			}
		}
		return nil
	})
}

func addCounters(function *bolt.Bucket, amounts map[string]uint64) error {
	counters, err := innerBucket(function, countersBucket)
	if err != nil {
		return err
	}
	for counter, amount := range amounts {
		if err := checkName(counter); err != nil {
			return fmt.Errorf("counter %q: %w", counter, err)
		}
		if amount == 0 {
			continue
		}
		var sum uint64
		if old := counters.Get([]byte(counter)); old != nil {
			if sum, err = decodeNumber(old); err != nil {
				return fmt.Errorf("counter %q: %w", counter, err)
			}
		}
		sum += min(amount, math.MaxUint64-sum)
		if err := counters.Put([]byte(counter), encodeNumber(sum)); err != nil {
			return err
		}
	}
	return nil
}

// Counters returns the counters of a function, an empty map when nothing was counted yet, or a [*NotFoundError].
func (s *Store) Counters(name string) (map[string]uint64, error) {
	all := map[string]uint64{}
	err := s.view(func(tx *bolt.Tx) error {
		b, err := functionBucket(tx, name)
		if err != nil {
			return err
		}
		counters, err := innerBucket(b, countersBucket)
		if err != nil {
			return err
		}
		return counters.ForEach(func(counter, value []byte) error {
			n, err := decodeNumber(value)
			if err != nil {
				return fmt.Errorf("counter %q of function %q: %w", counter, name, err)
			}
			all[string(counter)] = n
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
