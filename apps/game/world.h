// The clearing, who lives there and what they do. Knows neither the renderer nor the model.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "game/math.h"

namespace pumice_game {

inline constexpr std::size_t kCharacters = 3;
inline constexpr std::size_t kPlayer = kCharacters;  // also a body
inline constexpr std::size_t kBodies = kCharacters + 1;

// The characters' names, and the player's as they call him.
inline constexpr std::array<const char*, kBodies> kNames = {"Hans", "Gretel", "Fox", "traveller"};

struct Place {
  const char* name;
  Vec3 at;
};
inline constexpr std::array<Place, 4> kPlaces = {
    {{"fire", {0, 0, 0}}, {"well", {5.5f, 0, -3.5f}}, {"oak", {-6.5f, 0, -4.5f}}, {"house", {-8.5f, 0, 3.2f}}}};

enum class Act : std::uint8_t { kWait, kWalk, kFollow, kWave, kGive, kFight, kHide };
inline constexpr std::array<const char*, 7> kActs = {"wait", "walk", "follow", "wave", "give", "fight", "hide"};
// Whether its target is somebody; else somebody or a place.
constexpr bool needs_somebody(Act act) { return act != Act::kWait && act != Act::kWalk && act != Act::kHide; }

// What somebody is about to do. target: a body, or kBodies + a place.
struct Deed {
  Act act = Act::kWait;
  std::size_t target = kBodies;
  float seconds = 0;     // since it began
  bool reached = false;  // the target
  float since_reached = 0;
};

struct Body {
  Vec3 at;
  float facing = 0;  // turns +z towards +x
  float walked = 0;  // for the legs
  float hurt = 0;    // seconds that it will still show
  int apples = 0;
  Deed deed;
};

// What happened, as others see it: "Hans gave Gretel an apple."
struct Event {
  std::size_t who = 0;
  std::size_t to = kBodies;  // whom it concerns most; kBodies: nobody
  std::string text;
};

// Small things that move by themselves.
struct Mote {
  Vec3 centre;
  float radius = 1, speed = 1, phase = 0;
};

class World {
 public:
  explicit World(std::uint64_t seed);

  void begin(std::size_t who, Act act, std::size_t target);
  // direction: where the player wants to go, of length 1 or 0.
  void advance(float seconds, Vec3 direction);
  std::vector<Event> take_events();

  const Body& body(std::size_t i) const { return bodies_[i]; }
  Body& body(std::size_t i) { return bodies_[i]; }
  Vec3 place_of(std::size_t target) const;
  std::size_t nearest_to_player() const;
  double seconds() const { return seconds_; }
  void set_seconds(double seconds) { seconds_ = seconds; }
  const std::vector<Mote>& fireflies() const { return fireflies_; }
  const std::vector<Mote>& sheep() const { return sheep_; }
  const std::vector<Mote>& birds() const { return birds_; }
  const std::vector<Vec3>& trees() const { return trees_; }  // y: how large

 private:
  void act(std::size_t who, float seconds);
  bool go_to(Body* body, Vec3 goal, float stop, float seconds, float speed);
  void at_target(std::size_t who, float seconds);
  void keep_apart();
  void say(std::size_t who, std::size_t to, const std::string& text) { events_.push_back({who, to, text}); }

  std::array<Body, kBodies> bodies_;
  std::vector<Mote> fireflies_, sheep_, birds_;
  std::vector<Vec3> trees_;
  std::vector<Event> events_;
  double seconds_ = 0;
};

std::string target_name(std::size_t target);  // "Hans", "the well"
// kBodies + kPlaces.size(): no such.
std::size_t target_of(std::string_view name);
inline constexpr std::size_t kTargets = kBodies + kPlaces.size();

}  // namespace pumice_game
