// SPDX-License-Identifier: BSL-1.0

// The shapes of the coroutine benchmark in Go: ../shapes.cpp says what each is. Go has no unbounded channel;
// the shapes that need one are not here.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

type message = uint64

func produce(to chan<- message, n int, wg *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		to <- message(i)
	}
	wg.Done()
}

func consume(from <-chan message, n int, wg *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		<-from
	}
	wg.Done()
}

func stream(producers, consumers, n, capacity int) float64 {
	ch := make(chan message, capacity)
	begin := time.Now()
	var wg sync.WaitGroup
	wg.Add(producers + consumers)
	for i := 0; i < producers; i++ {
		go produce(ch, n/producers, &wg)
	}
	for i := 0; i < consumers; i++ {
		go consume(ch, n/consumers, &wg)
	}
	wg.Wait()
	return float64(time.Since(begin).Nanoseconds()) / float64(n)
}

func consumeAny(from []chan message, n int, wg *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		select {
		case <-from[0]:
		case <-from[1]:
		case <-from[2]:
		case <-from[3]:
		}
	}
	wg.Done()
}

func selects(n, capacity int) float64 {
	channels := make([]chan message, 4)
	for i := range channels {
		channels[i] = make(chan message, capacity)
	}
	begin := time.Now()
	var wg sync.WaitGroup
	wg.Add(5)
	for _, ch := range channels {
		go produce(ch, n/4, &wg)
	}
	go consumeAny(channels, n, &wg)
	wg.Wait()
	return float64(time.Since(begin).Nanoseconds()) / float64(n)
}

func pingpong(n int) float64 {
	a, b := make(chan message), make(chan message)
	begin := time.Now()
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		for m := range a {
			b <- m
		}
		wg.Done()
	}()
	go func() {
		for i := 0; i < n; i++ {
			a <- message(i)
			<-b
		}
		close(a)
		wg.Done()
	}()
	wg.Wait()
	return float64(time.Since(begin).Nanoseconds()) / float64(n)
}

func ring(n int) float64 {
	const members = 100_000
	laps := n / members
	if laps == 0 {
		laps = 1
	}
	first := make(chan message)
	from := first
	for i := 0; i < members; i++ {
		next := make(chan message)
		go func(from, to chan message) {
			for i := 0; i < laps; i++ {
				to <- <-from + 1
			}
		}(from, next)
		from = next
	}
	begin := time.Now()
	for i := 0; i < laps; i++ {
		first <- 0
		<-from
	}
	return float64(time.Since(begin).Nanoseconds()) / (float64(members) * float64(laps))
}

func spawn(n int) float64 {
	begin := time.Now()
	var wg sync.WaitGroup
	wg.Add(n)
	for i := 0; i < n; i++ {
		go func() { wg.Done() }()
	}
	wg.Wait()
	return float64(time.Since(begin).Nanoseconds()) / float64(n)
}

func resident() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * 4096
}

func memory(n int) float64 {
	channels := make([]chan message, n)
	for i := range channels {
		channels[i] = make(chan message)
	}
	runtime.GC()
	before := resident()
	var wg sync.WaitGroup
	wg.Add(n)
	for _, ch := range channels {
		go func(from chan message) {
			<-from
			wg.Done()
		}(ch)
	}
	time.Sleep(500 * time.Millisecond)
	bytes := (resident() - before) / float64(n)
	for _, ch := range channels {
		close(ch)
	}
	wg.Wait()
	return bytes
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bench SHAPE WORKERS N")
		os.Exit(2)
	}
	shape := os.Args[1]
	workers, _ := strconv.Atoi(os.Args[2])
	runtime.GOMAXPROCS(workers)
	n, _ := strconv.Atoi(os.Args[3])
	n = n / 4 * 4
	capacity, err := strconv.Atoi(shape[strings.LastIndex(shape, "_")+1:])
	bounded := err == nil
	shape = strings.TrimPrefix(shape, "general_")
	result := -1.0
	switch {
	case shape == "pingpong":
		result = pingpong(n)
	case shape == "ring":
		result = ring(n)
	case shape == "spawn":
		result = spawn(n)
	case shape == "memory":
		result = memory(n)
	case !bounded:
	case strings.HasPrefix(shape, "select_"):
		result = selects(n, capacity)
	case strings.HasPrefix(shape, "spsc_"):
		result = stream(1, 1, n, capacity)
	case strings.HasPrefix(shape, "mpsc_"):
		result = stream(4, 1, n, capacity)
	case strings.HasPrefix(shape, "mpmc_"):
		result = stream(4, 4, n, capacity)
	}
	if result < 0 {
		fmt.Fprintln(os.Stderr, "bench: Go has no shape "+os.Args[1])
		os.Exit(3)
	}
	fmt.Printf("%.2f\n", result)
}
