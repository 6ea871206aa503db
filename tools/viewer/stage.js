// The studio: camera, lights, backdrop, and drawing one side or both sides of the wipe.
import {
  ACESFilmicToneMapping, BackSide, CanvasTexture, Color, DirectionalLight, Mesh,
  MeshBasicMaterial, PCFShadowMap, PerspectiveCamera, PMREMGenerator, Scene, SphereGeometry,
  PlaneGeometry, SRGBColorSpace, Vector3, WebGLRenderer,
} from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';

const FOV = 20; // degrees, a portrait lens
const KEY = [-0.42, 0.55, 0.75]; // direction of the key light
const STEP = 0.12; // radians an arrow key turns

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
    this.renderer.toneMapping = ACESFilmicToneMapping;
    this.renderer.toneMappingExposure = 1.0;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.scene = new Scene();
    this.scene.background = backdrop();
    this.scene.environment = softboxes(this.renderer);
    this.scene.environmentIntensity = 0.62;
    this.camera = new PerspectiveCamera(FOV, 1, 0.05, 20);
    this.key = keyLight();
    this.scene.add(this.key, this.key.target, rim(0.8, 0.35, -0.8), rim(-0.9, 0.2, -0.7));
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enablePan = false;
    this.controls.rotateSpeed = 0.8;
    this.controls.addEventListener('change', () => this.invalidate());
    this.sides = () => [{ from: 0, to: 1, prepare() {} }];
    this.pending = false;
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  /** Look at an object from the front, filling the view. */
  frame(box) {
    const middle = box.getCenter(new Vector3());
    const size = box.getSize(new Vector3());
    this.reach = Math.max(size.x, size.y, size.z);
    this.home = middle.clone();
    this.key.position.set(...KEY).multiplyScalar(3 * this.reach).add(middle);
    this.key.target.position.copy(middle);
    const span = 0.75 * this.reach;
    Object.assign(this.key.shadow.camera, { left: -span, right: span, top: span, bottom: -span });
    Object.assign(this.key.shadow.camera, { near: this.reach, far: 5 * this.reach });
    this.key.shadow.camera.updateProjectionMatrix();
    this.front();
  }

  front() {
    const { width, height } = this.canvas.parentElement.getBoundingClientRect();
    const narrow = Math.min(1, width / Math.max(height, 1));
    const far = (0.55 * this.reach) / Math.tan((FOV * Math.PI) / 360) / Math.max(0.6, narrow);
    this.controls.target.copy(this.home);
    this.controls.minDistance = 0.35 * far;
    this.controls.maxDistance = 2.5 * far;
    this.camera.position.copy(this.home).add(new Vector3(0, 0, far));
    this.controls.update();
    this.invalidate();
  }

  /** Turn by arrow keys, come closer by + and -. */
  steer(key) {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const [turn, tilt] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key] ?? [0, 0];
    const closer = { '+': 0.9, '=': 0.9, '-': 1.1 }[key] ?? 1;
    const far = Math.min(this.controls.maxDistance, Math.max(this.controls.minDistance, offset.length() * closer));
    const yaw = Math.atan2(offset.x, offset.z) + turn;
    const rise = Math.acos(Math.max(-1, Math.min(1, offset.y / offset.length())));
    const polar = Math.max(0.2, Math.min(Math.PI - 0.2, rise + tilt));
    offset.set(Math.sin(polar) * Math.sin(yaw), Math.cos(polar), Math.sin(polar) * Math.cos(yaw));
    this.camera.position.copy(this.controls.target).addScaledVector(offset, far);
    this.controls.update();
    this.invalidate();
  }

  resize() {
    const { width, height } = this.canvas.parentElement.getBoundingClientRect();
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.invalidate();
  }

  /** Draw at the next frame of the screen; nothing is drawn while nothing changes. */
  invalidate() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.draw(); });
  }

  draw() {
    const { width, height } = this.canvas.parentElement.getBoundingClientRect();
    this.renderer.setScissorTest(true);
    for (const side of this.sides()) {
      side.prepare();
      this.renderer.setScissor(side.from * width, 0, (side.to - side.from) * width, height);
      this.renderer.render(this.scene, this.camera);
    }
    this.renderer.setScissorTest(false);
    this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn ?? 0) + 1);
  }
}

function keyLight() {
  const light = new DirectionalLight(new Color(1, 0.95, 0.88), 2.1);
  light.castShadow = true;
  light.shadow.mapSize.set(1024, 1024);
  light.shadow.radius = 5;
  light.shadow.bias = -0.0006;
  light.shadow.normalBias = 0.0012;
  return light;
}

function rim(x, y, z) {
  const light = new DirectionalLight(new Color(1, 0.97, 0.95), 0.75);
  light.position.set(x, y, z);
  return light;
}

/** A grey studio wall, lighter behind the head. */
function backdrop() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 512;
  const draw = canvas.getContext('2d');
  const fall = draw.createRadialGradient(256, 225, 30, 256, 256, 400);
  fall.addColorStop(0, '#6d6a67');
  fall.addColorStop(0.55, '#474543');
  fall.addColorStop(1, '#262423');
  draw.fillStyle = fall;
  draw.fillRect(0, 0, 512, 512);
  const texture = new CanvasTexture(canvas);
  texture.colorSpace = SRGBColorSpace;
  return texture;
}

/** What shiny things reflect and shadows are filled by: a dim room with soft boxes. */
function softboxes(renderer) {
  const room = new Scene();
  const wall = new MeshBasicMaterial({ color: new Color(0.33, 0.33, 0.345), side: BackSide });
  room.add(new Mesh(new SphereGeometry(10, 24, 16), wall));
  const box = (x, y, z, width, height, strength) => {
    const paper = new MeshBasicMaterial({ color: new Color(strength, strength * 0.97, strength * 0.93) });
    const panel = new Mesh(new PlaneGeometry(width, height), paper);
    panel.position.set(x, y, z);
    panel.lookAt(0, 0, 0);
    room.add(panel);
  };
  box(-4, 4, 6, 4, 4, 6);
  box(6, 1, 4, 3, 6, 2.2);
  box(-7, 1, -4, 2, 6, 4);
  box(0, 8, 0, 6, 6, 1.6);
  const floor = new MeshBasicMaterial({ color: new Color(0.1, 0.075, 0.06) });
  const ground = new Mesh(new PlaneGeometry(20, 20), floor);
  ground.position.y = -4;
  ground.rotation.x = -Math.PI / 2;
  room.add(ground);
  const generator = new PMREMGenerator(renderer);
  const texture = generator.fromScene(room, 0.03).texture;
  generator.dispose();
  return texture;
}
