#include "game/world.h"

#include <algorithm>

namespace pumice_game {

namespace {

constexpr float kWalkSpeed = 2.2f, kPlayerSpeed = 3.6f;
constexpr float kNear = 1.25f;    // of somebody
constexpr float kByPlace = 2.3f;  // of a place, which has a size
constexpr float kEdge = 15;       // nobody walks farther out
constexpr int kFireflies = 220, kSheep = 26, kBirds = 36, kTrees = 150;

// How long a deed goes on once its target is reached.
float lasts(Act act) {
  switch (act) {
    case Act::kFollow:
      return 8;
    case Act::kWave:
      return 2.5f;
    case Act::kGive:
      return 1.2f;
    case Act::kFight:
      return 2;
    case Act::kHide:
      return 6;
    case Act::kWait:
    case Act::kWalk:
      return 0.5f;
  }
  return 0;
}

float angle_to(Vec3 from, Vec3 to) { return std::atan2(to.x - from.x, to.z - from.z); }

float flat_distance(Vec3 a, Vec3 b) { return std::hypot(a.x - b.x, a.z - b.z); }

}  // namespace

std::string target_name(std::size_t target) {
  if (target < kCharacters && target != 2) return kNames[target];
  if (target < kBodies) return std::string("the ") + kNames[target];
  return std::string("the ") + kPlaces[target - kBodies].name;
}

std::size_t target_of(std::string_view name) {
  std::size_t at = 0;
  for (const char* one : kNames) {
    if (name == one) return at;
    ++at;
  }
  for (const Place& place : kPlaces) {
    if (name == place.name) return at;
    ++at;
  }
  return at;
}

World::World(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto between = [&](float a, float b) { return std::uniform_real_distribution<float>(a, b)(random); };
  bodies_[0].at = {-2.6f, 0, -1.2f};
  bodies_[1].at = {2.4f, 0, -1.6f};
  bodies_[2].at = {0.6f, 0, -3.4f};
  bodies_[kPlayer].at = {0.4f, 0, 4.2f};
  bodies_[kPlayer].facing = kPi;
  bodies_[1].apples = 3;
  bodies_[kPlayer].apples = 1;
  for (int i = 0; i < kFireflies; ++i)
    fireflies_.push_back({{between(-13, 13), between(0.5f, 3.2f), between(-13, 13)},
                          between(0.3f, 1.6f),
                          between(0.3f, 1.1f),
                          between(0, 6.28f)});
  for (int i = 0; i < kSheep; ++i)
    sheep_.push_back({{between(8, 20) * (i % 2 ? 1.0f : -1.0f), 0, between(-16, 14)},
                      between(0.8f, 2.6f),
                      between(0.08f, 0.25f),
                      between(0, 6.28f)});
  for (int i = 0; i < kBirds; ++i)
    birds_.push_back(
        {{between(-6, 6), between(7, 11), between(-14, 2)}, between(5, 12), between(0.25f, 0.5f), between(0, 6.28f)});
  while (trees_.size() < static_cast<std::size_t>(kTrees)) {
    const float angle = between(0, 6.28f), out = between(17, 46);
    const Vec3 at{out * std::sin(angle), between(2.6f, 6.0f), out * std::cos(angle)};
    if (at.z < 14 || std::fabs(at.x) > 12) trees_.push_back(at);  // not before the camera
  }
}

Vec3 World::place_of(std::size_t target) const {
  return target < kBodies ? bodies_[target].at : kPlaces[std::min(target - kBodies, kPlaces.size() - 1)].at;
}

std::size_t World::nearest_to_player() const {
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < kCharacters; ++i)
    if (flat_distance(bodies_[i].at, bodies_[kPlayer].at) < flat_distance(bodies_[nearest].at, bodies_[kPlayer].at))
      nearest = i;
  return nearest;
}

void World::begin(std::size_t who, Act act, std::size_t target) {
  if (target == who || target >= kTargets || (needs_somebody(act) && target >= kBodies)) act = Act::kWait;
  bodies_[who].deed = {.act = act, .target = target};
}

void World::advance(float seconds, Vec3 direction) {
  seconds_ += static_cast<double>(seconds);
  Body& player = bodies_[kPlayer];
  if (length(direction) > 0.1f) go_to(&player, player.at + direction * 10, 0, seconds, kPlayerSpeed);
  for (std::size_t i = 0; i < kBodies; ++i) {
    bodies_[i].hurt = std::max(0.0f, bodies_[i].hurt - seconds);
    if (i != kPlayer) act(i, seconds);
  }
  keep_apart();
}

bool World::go_to(Body* body, Vec3 goal, float stop, float seconds, float speed) {
  const Vec3 way = goal - body->at;
  const float distance = std::hypot(way.x, way.z);
  if (distance < 0.01f) return true;
  body->facing = std::atan2(way.x, way.z);
  if (distance <= stop) return true;
  const float step = std::min(speed * seconds, distance - stop);
  body->at = body->at + Vec3{way.x, 0, way.z} * (step / distance);
  body->walked += step;
  const float out = std::hypot(body->at.x, body->at.z);
  if (out > kEdge) body->at = body->at * (kEdge / out);
  return distance - step <= stop + 0.01f;
}

void World::act(std::size_t who, float seconds) {
  Body& body = bodies_[who];
  Deed& deed = body.deed;
  deed.seconds += seconds;
  if (deed.act == Act::kWait) return;
  const Vec3 goal = place_of(deed.target);
  const float stop = deed.target < kBodies ? kNear : kByPlace;
  if (deed.act == Act::kWave) {
    body.facing = angle_to(body.at, goal);
    deed.reached = true;
  } else if (deed.act == Act::kHide) {
    const Vec3 behind = goal + normalised(goal - bodies_[kPlayer].at) * stop;
    deed.reached = go_to(&body, {behind.x, 0, behind.z}, 0.1f, seconds, kWalkSpeed) || deed.reached;
  } else if (!deed.reached || deed.act == Act::kFollow) {
    deed.reached = go_to(&body, goal, stop, seconds, kWalkSpeed) || deed.reached;
  }
  if (!deed.reached && deed.seconds > 12) deed = {};  // somebody keeps running away
  if (deed.reached) at_target(who, seconds);
}

void World::at_target(std::size_t who, float seconds) {
  Body& body = bodies_[who];
  Deed& deed = body.deed;
  const bool first = deed.since_reached == 0;
  deed.since_reached += seconds;
  const std::string name = target_name(who), other = target_name(deed.target);
  if (first && deed.act == Act::kGive) {
    if (body.apples == 0) ++body.apples;  // there are always some in the grass
    --body.apples;
    ++bodies_[deed.target].apples;
    say(who, deed.target, name + " gave " + other + " an apple.");
  } else if (first && deed.act == Act::kFight) {
    Body& struck = bodies_[deed.target];
    const Vec3 away = normalised(struck.at - body.at);
    struck.at = struck.at + Vec3{away.x, 0, away.z} * 0.8f;
    struck.hurt = 2.5f;
    say(who, deed.target, name + " fought with " + other + ".");
  } else if (first && deed.act == Act::kWave) {
    say(who, deed.target, name + " waved at " + other + ".");
  } else if (first && deed.act == Act::kHide) {
    say(who, deed.target, name + " hid behind " + other + ".");
  } else if (first && deed.act == Act::kFollow) {
    say(who, deed.target, name + " followed " + other + ".");
  } else if (first && deed.act == Act::kWalk) {
    say(who, deed.target, name + " went to " + other + ".");
  }
  if (deed.since_reached > lasts(deed.act)) deed = {};
}

void World::keep_apart() {
  for (std::size_t i = 0; i < kBodies; ++i) {
    for (std::size_t j = i + 1; j < kBodies; ++j) {
      const float distance = flat_distance(bodies_[i].at, bodies_[j].at);
      if (distance > 0.8f) continue;
      Vec3 away = distance > 0.01f ? normalised(bodies_[j].at - bodies_[i].at) : Vec3{1, 0, 0};
      away = away * ((0.8f - distance) / 2);
      bodies_[i].at = bodies_[i].at - away;
      bodies_[j].at = bodies_[j].at + away;
    }
    for (const Place& place : kPlaces) {
      const float distance = flat_distance(bodies_[i].at, place.at);
      if (distance > 1.5f || distance < 0.01f) continue;
      const Vec3 out = (bodies_[i].at - place.at) * (1.5f / distance);
      bodies_[i].at = {place.at.x + out.x, 0, place.at.z + out.z};
    }
  }
}

std::vector<Event> World::take_events() {
  std::vector<Event> taken;
  taken.swap(events_);
  return taken;
}

}  // namespace pumice_game
