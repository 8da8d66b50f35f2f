#include "game/stage.h"

#include <algorithm>

namespace pumice_game {

namespace {

using Colour = std::array<float, 4>;

// Things relative to a place that they stand at and turn with.
class Builder {
 public:
  Builder(Picture* picture, const Mat4& base) : picture_(picture), base_(base) {}
  void add(Shape shape, Vec3 at, Vec3 size, Colour colour, float tilt = 0) {
    const Mat4 local = translation(at) * turn_x(tilt) * scaling(size);
    picture_->objects[shape].push_back({base_ * local, colour});
  }

 private:
  Picture* picture_;
  Mat4 base_;
};

struct Looks {
  Colour coat, skin, hat;
  bool fox = false;
};
constexpr std::array<Looks, kBodies> kLooks = {{
    {{0.16f, 0.30f, 0.16f, 0}, {0.80f, 0.58f, 0.44f, 0}, {0.35f, 0.20f, 0.10f, 0}, false},
    {{0.55f, 0.13f, 0.15f, 0}, {0.86f, 0.64f, 0.50f, 0}, {0.85f, 0.82f, 0.74f, 0}, false},
    {{0.72f, 0.30f, 0.08f, 0}, {0.76f, 0.34f, 0.10f, 0}, {0.90f, 0.85f, 0.78f, 0}, true},
    {{0.16f, 0.22f, 0.42f, 0}, {0.82f, 0.62f, 0.48f, 0}, {0.20f, 0.17f, 0.28f, 0}, false},
}};
constexpr Colour kApple{0.75f, 0.06f, 0.05f, 0};

void add_fox(Builder* b, const Looks& looks, float stride, float raise) {
  b->add(kBall, {0, 0.52f, -0.05f}, {0.5f, 0.5f, 1.1f}, looks.coat);
  b->add(kBall, {0, 0.78f, 0.5f}, {0.46f, 0.42f, 0.48f}, looks.skin);
  b->add(kCone, {0, 0.72f, 0.8f}, {0.2f, 0.34f, 0.2f}, looks.hat, kPi / 2);
  for (const float side : {-1.0f, 1.0f}) {
    b->add(kCone, {side * 0.14f, 1.04f, 0.46f}, {0.16f, 0.26f, 0.12f}, looks.coat);
    b->add(kPillar, {side * 0.14f, 0.2f, 0.32f}, {0.11f, 0.44f, 0.11f}, looks.coat, side * stride - raise * (side + 1));
    b->add(kPillar, {side * 0.14f, 0.2f, -0.36f}, {0.11f, 0.44f, 0.11f}, looks.coat, -side * stride);
  }
  b->add(kCone, {0, 0.72f, -0.8f}, {0.3f, 0.9f, 0.3f}, looks.coat, -2.1f);
  b->add(kBall, {0, 0.95f, -1.15f}, {0.22f, 0.22f, 0.22f}, looks.hat);
}

void add_person(Builder* b, const Looks& looks, float stride, float raise) {
  b->add(kCone, {0, 0.72f, 0}, {0.9f, 1.3f, 0.72f}, looks.coat);
  b->add(kPillar, {0, 1.0f, 0}, {0.42f, 0.5f, 0.34f}, looks.coat);
  b->add(kBall, {0, 1.52f, 0}, {0.44f, 0.48f, 0.44f}, looks.skin);
  b->add(kCone, {0, 1.86f, -0.02f}, {0.56f, 0.42f, 0.56f}, looks.hat);
  b->add(kBall, {0, 1.5f, 0.22f}, {0.08f, 0.08f, 0.1f}, looks.skin);
  for (const float side : {-1.0f, 1.0f}) {
    b->add(kPillar, {side * 0.15f, 0.16f, 0}, {0.15f, 0.36f, 0.15f}, looks.hat, side * stride);
    const float lift = side > 0 ? raise : 0;
    b->add(kPillar, {side * 0.34f, 1.0f + 0.36f * lift, 0.12f}, {0.13f, 0.56f, 0.13f}, looks.coat,
           -side * stride * 0.8f - 0.35f - 1.6f * lift);
  }
}

void add_body(Picture* picture, const World& world, std::size_t i) {
  const Body& body = world.body(i);
  const auto now = static_cast<float>(world.seconds());
  const bool acting = body.deed.reached;
  const float crouch = acting && body.deed.act == Act::kHide ? 0.6f : 1;
  float raise = 0, lunge = 0;
  if (acting && body.deed.act == Act::kWave) raise = 0.8f + 0.2f * std::sin(now * 12);
  if (acting && body.deed.act == Act::kGive) raise = 0.6f;
  if (acting && body.deed.act == Act::kFight) lunge = 0.35f * std::fabs(std::sin(now * 9)), raise = 0.7f;
  const float shake = body.hurt > 0 ? 0.06f * std::sin(now * 40) : 0;
  const float stride = 0.5f * std::sin(body.walked * 5);
  const float hop = 0.05f * std::fabs(std::sin(body.walked * 5));
  const Vec3 ahead{std::sin(body.facing), 0, std::cos(body.facing)};
  Builder builder(picture, translation(body.at + ahead * lunge + Vec3{shake, hop, 0}) * turn_y(body.facing) *
                               scaling({1, crouch, 1}));
  const Looks& looks = kLooks[i];
  if (looks.fox)
    add_fox(&builder, looks, stride, raise);
  else
    add_person(&builder, looks, stride, raise);
  for (int apple = 0; apple < std::min(body.apples, 5); ++apple)
    builder.add(kBall, {-0.5f, 0.12f + 0.16f * static_cast<float>(apple), -0.3f}, {0.17f, 0.16f, 0.17f}, kApple);
}

void add_fire(Picture* picture, float now) {
  Builder builder(picture, translation(kPlaces[0].at));
  for (int i = 0; i < 9; ++i) {
    const float angle = 2 * kPi * static_cast<float>(i) / 9;
    builder.add(kBall, {0.85f * std::sin(angle), 0.1f, 0.85f * std::cos(angle)}, {0.34f, 0.26f, 0.34f},
                {0.35f, 0.34f, 0.33f, 0});
  }
  for (int i = 0; i < 5; ++i) {
    Builder log(picture, translation(kPlaces[0].at) * turn_y(static_cast<float>(i) * 1.256f));
    log.add(kPillar, {0, 0.22f, 0.3f}, {0.14f, 0.8f, 0.14f}, {0.22f, 0.13f, 0.07f, 0}, 0.95f);
  }
  for (int i = 0; i < 6; ++i) {
    const float at = now * 3.2f + static_cast<float>(i) * 1.7f, tall = 0.7f + 0.25f * std::sin(at * 1.9f);
    builder.add(kSpark, {0.17f * std::sin(at), 0.35f + tall / 3, 0.17f * std::cos(at * 1.3f)}, {0.3f, tall, 0.3f},
                {0.85f, 0.22f + 0.10f * static_cast<float>(i % 3), 0.04f, 1});
  }
}

void add_places(Picture* picture) {
  Builder well(picture, translation(kPlaces[1].at));
  well.add(kPillar, {0, 0.45f, 0}, {1.9f, 0.9f, 1.9f}, {0.46f, 0.45f, 0.44f, 0});
  well.add(kPillar, {0, 0.91f, 0}, {1.4f, 0.02f, 1.4f}, {0.05f, 0.10f, 0.14f, 0});
  for (const float side : {-1.0f, 1.0f})
    well.add(kBox, {side * 0.85f, 1.2f, 0}, {0.14f, 1.7f, 0.14f}, {0.30f, 0.19f, 0.10f, 0});
  well.add(kCone, {0, 2.3f, 0}, {2.5f, 0.8f, 2.5f}, {0.40f, 0.16f, 0.12f, 0});
  Builder oak(picture, translation(kPlaces[2].at));
  oak.add(kPillar, {0, 1.6f, 0}, {1.1f, 3.2f, 1.1f}, {0.26f, 0.17f, 0.10f, 0});
  for (const Vec3 ball : {Vec3{0, 4.3f, 0}, Vec3{1.3f, 3.7f, 0.5f}, Vec3{-1.2f, 3.8f, 0.4f}, Vec3{0.2f, 3.8f, -1.3f}})
    oak.add(kBall, ball, {3.0f, 2.4f, 3.0f}, {0.22f, 0.34f, 0.09f, 0});
  Builder house(picture, translation(kPlaces[3].at) * turn_y(1.25f));
  house.add(kBox, {0, 1.1f, 0}, {3.2f, 2.2f, 2.6f}, {0.66f, 0.58f, 0.45f, 0});
  for (const float side : {-1.0f, 1.0f})
    house.add(kBox, {0, 2.72f, side * 0.72f}, {3.6f, 0.16f, 2.0f}, {0.36f, 0.13f, 0.10f, 0}, side * 0.72f);
  house.add(kBox, {0.7f, 0.75f, 1.31f}, {0.7f, 1.5f, 0.06f}, {0.27f, 0.16f, 0.09f, 0});
  house.add(kBox, {-0.8f, 1.3f, 1.31f}, {0.7f, 0.6f, 0.06f}, {1.0f, 0.75f, 0.35f, 0.9f});
  house.add(kBox, {1.0f, 3.3f, -0.5f}, {0.45f, 1.2f, 0.45f}, {0.40f, 0.30f, 0.28f, 0});
}

void add_trees(Picture* picture, const World& world) {
  for (const Vec3& tree : world.trees()) {
    Builder builder(picture, translation({tree.x, 0, tree.z}));
    const float tall = tree.y, shade = 0.8f + 0.05f * std::sin(tree.x * 3);
    builder.add(kPillar, {0, tall * 0.1f, 0}, {tall * 0.09f, tall * 0.2f, tall * 0.09f}, {0.24f, 0.16f, 0.10f, 0});
    builder.add(kCone, {0, tall * 0.45f, 0}, {tall * 0.52f, tall * 0.6f, tall * 0.52f},
                {0.13f * shade, 0.25f * shade, 0.13f * shade, 0});
    builder.add(kCone, {0, tall * 0.75f, 0}, {tall * 0.38f, tall * 0.55f, tall * 0.38f},
                {0.16f * shade, 0.30f * shade, 0.15f * shade, 0});
  }
  for (int i = 0; i < 14; ++i) {
    const float angle = 2 * kPi * static_cast<float>(i) / 14, out = 95 + 12 * std::sin(static_cast<float>(i) * 2.3f);
    Builder hill(picture, translation({out * std::sin(angle), 0, out * std::cos(angle)}));
    const float tall = 22 + 9 * std::sin(static_cast<float>(i) * 1.7f);
    hill.add(kCone, {0, tall / 2 - 2, 0}, {70, tall, 70}, {0.30f, 0.34f, 0.40f, 0});
  }
}

void add_motes(Picture* picture, const World& world) {
  const auto now = static_cast<float>(world.seconds());
  for (const Mote& mote : world.fireflies()) {
    const float at = now * mote.speed + mote.phase;
    const float glow = 0.75f + 0.25f * std::sin(at * 4);
    Builder(picture, translation(mote.centre))
        .add(kSpark, {mote.radius * std::sin(at), 0.4f * std::sin(at * 1.7f), mote.radius * std::cos(at * 0.9f)},
             {0.07f, 0.07f, 0.07f}, {1.0f * glow, 0.9f * glow, 0.35f * glow, 1});
  }
  for (const Mote& mote : world.sheep()) {
    const float at = now * mote.speed + mote.phase;
    const Vec3 centre = mote.centre + Vec3{mote.radius * std::sin(at), 0, mote.radius * std::cos(at)};
    Builder sheep(picture, translation(centre) * turn_y(at + kPi / 2));
    const Colour wool{0.80f, 0.78f, 0.72f, 0}, dark{0.13f, 0.12f, 0.11f, 0};
    sheep.add(kBall, {0, 0.55f, 0}, {0.7f, 0.6f, 1.0f}, wool);
    sheep.add(kBall, {0, 0.7f + 0.06f * std::sin(at * 9), 0.55f}, {0.3f, 0.3f, 0.36f}, dark);
    for (const float side : {-0.2f, 0.2f})
      for (const float end : {-0.25f, 0.25f}) sheep.add(kPillar, {side, 0.15f, end}, {0.1f, 0.35f, 0.1f}, dark);
  }
  for (const Mote& mote : world.birds()) {
    const float at = now * mote.speed + mote.phase, flap = 0.7f * std::sin(at * 24);
    const Vec3 centre =
        mote.centre + Vec3{mote.radius * std::sin(at), 0.5f * std::sin(at * 3), mote.radius * std::cos(at)};
    for (const float side : {-1.0f, 1.0f})
      Builder(picture, translation(centre) * turn_y(at + kPi / 2 + side * kPi / 2))
          .add(kBox, {0, 0.1f * flap, 0.2f}, {0.16f, 0.03f, 0.46f}, {0.10f, 0.10f, 0.13f, 0}, -flap);
  }
}

}  // namespace

Picture picture_of(const World& world, float aspect) {
  Picture picture;
  picture.seconds = static_cast<float>(world.seconds());
  picture.light = normalised({0.55f, 0.62f, 0.35f});
  const Vec3 player = world.body(kPlayer).at;
  const Vec3 at{player.x * 0.5f, 1.2f, player.z * 0.35f - 0.6f};
  const float sway = 0.12f * std::sin(picture.seconds * 0.15f);
  picture.eye = at + Vec3{11.5f * std::sin(sway), 5.4f, 11.5f * std::cos(sway)};
  picture.view_projection = perspective(0.85f, aspect, 0.3f, 260) * look_at(picture.eye, at);
  picture.objects[kGround].push_back({identity(), {}});
  for (std::size_t i = 0; i < kBodies; ++i) add_body(&picture, world, i);
  add_fire(&picture, picture.seconds);
  add_places(&picture);
  add_trees(&picture, world);
  add_motes(&picture, world);
  return picture;
}

std::optional<ScreenPoint> on_screen(const Picture& picture, Vec3 at, float width, float height) {
  const std::array<float, 4> clip = picture.view_projection * std::array<float, 4>{at.x, at.y, at.z, 1};
  if (clip[3] < 0.1f) return {};
  return ScreenPoint{(clip[0] / clip[3] * 0.5f + 0.5f) * width, (clip[1] / clip[3] * 0.5f + 0.5f) * height};
}

Vec3 above_head(const World& world, std::size_t body) {
  return world.body(body).at + Vec3{0, kLooks[body].fox ? 1.4f : 2.3f, 0};
}

}  // namespace pumice_game
