// One head from a GLB file: units, textures before, after and through a sequence.
import {
  AnimationMixer, Box3, LoopRepeat, MeshPhysicalMaterial, ShaderChunk, SRGBColorSpace, Vector3,
} from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

const VARIANTS = 'KHR_materials_variants';
const ORIGINAL = 'original'; // the variant and the morph target that show the head before its edits
const WRAP = [0.42, 0.2, 0.14]; // how far light of each colour reaches round skin's terminator
const RELIEF = 1.1;

const LIT = ShaderChunk.lights_physical_pars_fragment.replace(
  'reflectedLight.directDiffuse += irradiance * diffuseBRDF * ( 1.0 - F );',
  `vec3 reached = ( dot( geometryNormal, directLight.direction ) + skinWrap ) / ( 1.0 + skinWrap );
   reached = clamp( reached, 0.0, 1.0 );
   reflectedLight.directDiffuse += reached * directLight.color * diffuseBRDF * ( 1.0 - F );`,
);

export async function loadHead(url) {
  const gltf = await new GLTFLoader().loadAsync(url);
  const head = new Head(gltf);
  await head.readTextures();
  return head;
}

class Head {
  constructor(gltf) {
    this.gltf = gltf;
    this.root = gltf.scene;
    this.meshes = [];
    this.root.traverse((node) => { if (node.isMesh) this.meshes.push(node); });
    this.units = Object.keys(this.meshes[0]?.morphTargetDictionary ?? {});
    this.clip = gltf.animations[0] ?? null;
    this.shared = { before: { value: null }, after: { value: null }, next: { value: null }, fade: { value: 0 }, strength: { value: 1 } };
    this.set = Object.fromEntries(this.units.map((name) => [name, 0]));
    this.strength = 1;
    this.time = 0;
    if (this.clip) {
      this.mixer = new AnimationMixer(this.root);
      this.action = this.mixer.clipAction(this.clip);
      this.action.setLoop(LoopRepeat).play();
    }
  }

  async readTextures() {
    const { json } = this.gltf.parser;
    const names = (json.extensions?.[VARIANTS]?.variants ?? []).map((variant) => variant.name);
    const mappings = json.meshes[0].primitives[0].extensions?.[VARIANTS]?.mappings ?? [];
    this.maps = [];
    for (const { material, variants } of mappings) {
      const map = await this.texture(json.materials[material]);
      for (const variant of variants) this.maps[variant] = map;
    }
    this.base = await this.texture(json.materials[json.meshes[0].primitives[0].material]);
    const original = names.indexOf(ORIGINAL);
    this.original = original >= 0 ? this.maps[original] : null;
    this.runs = runs(this.clip?.userData?.variants ?? []);
    this.rate = this.clip?.userData?.fps ?? 30;
    this.shared.before.value = this.original ?? this.base;
    this.shared.after.value = this.shared.next.value = this.base;
    for (const mesh of this.meshes) this.dress(mesh);
  }

  async texture(material) {
    const reference = material.pbrMetallicRoughness?.baseColorTexture;
    if (!reference) return null;
    const texture = await this.gltf.parser.getDependency('texture', reference.index);
    texture.colorSpace = SRGBColorSpace;
    texture.flipY = false;
    texture.anisotropy = 8;
    return texture;
  }

  /** Give a part a material that blends textures; skin lets light in and shows its pores. */
  dress(mesh) {
    const given = mesh.material;
    const skin = given.name === 'skin';
    const material = new MeshPhysicalMaterial({
      name: given.name, map: this.base, roughness: given.roughness, roughnessMap: given.roughnessMap,
      metalness: 0, side: given.side, envMapIntensity: 1,
    });
    if (skin) Object.assign(material, { bumpMap: this.base, bumpScale: RELIEF, ior: 1.4 });
    if (given.name === 'eyes') Object.assign(material, { clearcoat: 1, clearcoatRoughness: 0.02, roughness: 0.4 });
    const wrap = new Vector3(...WRAP.map((amount) => (skin ? amount : 0.05)));
    material.onBeforeCompile = (shader) => {
      Object.assign(shader.uniforms, {
        mapBefore: this.shared.before, mapAfter: this.shared.after, mapNext: this.shared.next,
        mapFade: this.shared.fade, mapStrength: this.shared.strength, skinWrap: { value: wrap },
      });
      shader.fragmentShader = shader.fragmentShader
        .replace('#include <map_pars_fragment>', `#include <map_pars_fragment>
          uniform sampler2D mapBefore, mapAfter, mapNext; uniform float mapFade, mapStrength;`)
        .replace('#include <map_fragment>', `
          vec4 after = mix( texture2D( mapAfter, vMapUv ), texture2D( mapNext, vMapUv ), mapFade );
          diffuseColor *= mix( texture2D( mapBefore, vMapUv ), after, mapStrength );`)
        .replace('#include <lights_physical_pars_fragment>', `uniform vec3 skinWrap;\n${LIT}`);
    };
    mesh.material = material;
    mesh.castShadow = mesh.receiveShadow = true;
    mesh.frustumCulled = false;
  }

  box() {
    this.root.updateMatrixWorld(true);
    return new Box3().setFromObject(this.root);
  }

  get editable() { return this.original !== null; }
  get duration() { return this.clip?.duration ?? 0; }

  /** Show the set units, or the sequence at `time`, with the edit at `strength`. */
  pose(strength, time = null) {
    if (time === null) {
      for (const mesh of this.meshes) {
        for (const name of this.units) mesh.morphTargetInfluences[mesh.morphTargetDictionary[name]] = this.set[name];
      }
    } else {
      this.mixer.setTime(Math.min(time, this.duration - 1e-4));
      this.showFrame(time);
    }
    for (const mesh of this.meshes) {
      const place = mesh.morphTargetDictionary?.[ORIGINAL];
      if (place !== undefined) mesh.morphTargetInfluences[place] = 1 - strength;
    }
    this.shared.strength.value = strength;
  }

  /** Values of the units as they stand. */
  values() {
    const mesh = this.meshes[0];
    return Object.fromEntries(this.units.map((name) => [name, mesh.morphTargetInfluences[mesh.morphTargetDictionary[name]]]));
  }

  /** Cross-fade between the textures of neighbouring groups of frames. */
  showFrame(time) {
    if (!this.runs.length) return;
    const frame = time * this.rate;
    let k = this.runs.findIndex((run) => run.middle > frame);
    if (k < 0) k = this.runs.length;
    const one = this.runs[Math.max(0, k - 1)];
    const two = this.runs[Math.min(this.runs.length - 1, k)];
    const apart = two.middle - one.middle;
    this.shared.after.value = this.maps[one.variant];
    this.shared.next.value = this.maps[two.variant];
    this.shared.fade.value = apart > 0 ? Math.min(1, Math.max(0, (frame - one.middle) / apart)) : 0;
  }

  showBase() {
    this.shared.after.value = this.shared.next.value = this.base;
    this.shared.fade.value = 0;
  }

  /** Draw the texture as it is shown into a canvas. */
  drawMap(canvas, strength) {
    const layers = [[this.shared.before.value, 1], [this.shared.after.value, strength], [this.shared.next.value, strength * this.shared.fade.value]];
    const draw = canvas.getContext('2d');
    canvas.width = canvas.height = Math.max(256, this.base?.image?.width ?? 256);
    for (const [map, alpha] of layers) {
      if (!map) continue;
      draw.globalAlpha = alpha;
      draw.drawImage(map.image, 0, 0, canvas.width, canvas.height);
    }
  }
}

/** Neighbouring frames with one texture, each with its middle frame. */
function runs(variants) {
  const found = [];
  variants.forEach((variant, frame) => {
    const last = found[found.length - 1];
    if (last && last.variant === variant) last.middle = (last.first + frame) / 2;
    else found.push({ variant, first: frame, middle: frame });
  });
  return found;
}
