// SPDX-License-Identifier: BSL-1.0
//
// Conservation for every flavor: plain operations; every way of sending and receiving mixed; waits that
// time out on both sides; waits that are cancelled at random times.
#include <cstdint>

#include <gtest/gtest.h>

#include "conservation.hpp"

namespace {

using namespace strait_test;

STRAIT_FLAVOR_SUITE(conservation, every_flavor());

STRAIT_FLAVOR_TEST(conservation, plain_integers) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 20'000) / senders;
    run_plan<std::uint64_t>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, plain_parcels) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 6'000) / senders;
    p.dither = 30;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, plain_wide) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 5'000) / senders;
    run_plan<wide>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, every_way_mixed) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 4'000) / senders;
    p.send_ways = any_way;
    p.recv_ways = any_way;
    p.dither = 100;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, only_tries) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 4'000) / senders;
    // at capacity 0 a try needs somebody who waits, so one side has to
    p.send_ways = by_try | by_select_try;
    p.recv_ways = flavor.is_rendezvous() ? unsigned{plainly} : by_try | by_select_try;
    run_plan<std::uint64_t>(flavor, p);
    if (flavor.is_rendezvous()) {
      std::swap(p.send_ways, p.recv_ways);
      run_plan<std::uint64_t>(flavor, p);
    }
  });
}

STRAIT_FLAVOR_TEST(conservation, timeouts_on_both_sides) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 3'000) / senders;
    p.send_ways = for_a_while | until_then | by_select_timed;
    p.recv_ways = for_a_while | until_then | by_select_timed;
    p.persist = false;  // a message whose send timed out is dropped: neither sent nor received
    p.dither = 300;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, timeouts_of_senders_against_patient_receivers) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 2'000) / senders;
    p.send_ways = giving_up;
    p.persist = false;
    p.dither = 300;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, timeouts_of_receivers_against_patient_senders) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 2'000) / senders;
    p.recv_ways = giving_up;
    p.dither = 300;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, cancelled_at_random_times) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 3'000) / senders;
    p.send_ways = with_token;
    p.recv_ways = with_token;
    p.hazards = true;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, cancelled_among_others) {
  for_each_team(flavor, [&](std::size_t senders, std::size_t receivers) {
    plan p;
    p.senders = senders;
    p.receivers = receivers;
    p.each = amount(flavor, 2'000) / senders;
    p.send_ways = with_token | plainly | for_a_while;
    p.recv_ways = with_token | plainly | for_a_while;
    p.hazards = true;
    p.persist = false;
    run_plan<parcel>(flavor, p);
  });
}

STRAIT_FLAVOR_TEST(conservation, closed_in_the_middle) {
  dice chance(7);
  for (std::uint64_t round = scaled(60, 5); round != 0; --round) {
    plan p;
    p.senders = 1 + chance.below(4);
    p.receivers = 1 + chance.below(4);
    p.each = 400;
    p.close_after = 1 + chance.below(200);
    p.send_ways = chance.once_in(2) ? unsigned{plainly} : unsigned{any_way};
    p.recv_ways = chance.once_in(2) ? unsigned{plainly} : unsigned{any_way};
    run_plan<parcel>(flavor, p);
  }
}

}  // namespace
